import { closeSync, writeSync } from 'node:fs'
import { workerHostSettingsSchema } from './host-settings.ts'
import { sentrySettingsOf } from '../sentry-settings.ts'
import { runWorkerHost } from './run-worker-host.ts'

/**
 * The worker host's process: started by an executor, detached, with its settings as JSON in the first argument. On
 * descriptor 3 it says `ready`, or `taken` when another host has its folder. It ends when it is told to or when no
 * executor has come back for too long.
 */

process.title = 'fairlead worker-host'
const stopping = new AbortController()
process.on('SIGTERM', () => stopping.abort())

void run().then(() => process.exit(0))

async function run(): Promise<void> {
  const settings = workerHostSettingsSchema.parse(JSON.parse(process.argv[2] ?? '{}'))
  const sentry = sentrySettingsOf({}, process.env)
  const { kind } = await runWorkerHost(settings, { onReady: () => say('ready'), signal: stopping.signal, sentry })
  if (kind === 'taken') say('taken')
}

const READY_DESCRIPTOR = 3

function say(word: 'ready' | 'taken'): void {
  writeSync(READY_DESCRIPTOR, `${word}\n`)
  closeSync(READY_DESCRIPTOR)
}
