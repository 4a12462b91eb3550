import { installSdk } from '../sdk-global.ts'
import { loadBundle } from '../load-bundle.ts'
import { installSourcePositions } from '../source-positions.ts'
import type { TaskOutcome, TaskStart, ToChild } from '../ipc.ts'
import { installConsole, recordLog } from './console.ts'
import { connectHost, type HostLink } from './host-link.ts'
import { applyExtraCaCertificates } from './extra-ca-certificates.ts'
import { failure, runTask } from './run-task.ts'
import { openSentry, type SentryReporter } from './sentry.ts'
import { createAbort } from './task-abort.ts'
import { warmUp } from './warm-up.ts'
import type { AuthoredDag } from '@fairlead/sdk/runtime'

/**
 * The process that runs one task: started ahead, it waits for its host's word, runs the handler, reports, and exits.
 * It has no dependencies and no token; what it needs it asks its host for.
 */

const abort = createAbort(process)
const loads = new Map<string, Promise<AuthoredDag[]>>()
const host: HostLink = connectHost(process, { onMessage, onGone: endGroup })

installConsole(process.stdout)
installSourcePositions()
installSdk({ cwd: process.cwd() })
host.send({ kind: 'ready' })
setImmediate(() => void warmUp(abort))
const [extraCaCertificates] = process.argv.splice(2)
if (extraCaCertificates !== undefined) applyExtraCaCertificates(extraCaCertificates)

function onMessage(message: ToChild): void {
  switch (message.kind) {
    case 'preload':
      load(message.bundlePath).then(
        () => host.send({ kind: 'preloaded', problem: null }),
        (error: unknown) => host.send({ kind: 'preloaded', problem: String(error) }),
      )
      break
    case 'start':
      void run(message.task)
      break
    case 'reply':
      host.settle(message.id, message.answer)
      break
  }
}

async function run(task: TaskStart): Promise<void> {
  let isOver = false
  let sentry: SentryReporter | null = null
  const finish = (outcome: TaskOutcome, error: unknown): void => {
    if (isOver) return
    isOver = true
    const told = sentry === null || outcome.kind !== 'failed' ? Promise.resolve() : sentry.capture(error)
    void told.then(() => host.finish(outcome))
  }
  const fail = (error: unknown): void => finish(failure(error, task, null), error)
  // Where OpenTelemetry's SDKs look for the span that theirs are children of.
  if (task.traceparent !== null) process.env['TRACEPARENT'] = task.traceparent
  process.title = `fairlead task ${task.dagId}.${task.taskId}`
  process.on('uncaughtException', fail)
  // The host's channel does not keep this process alive while the handler runs: when nothing else does, nothing can
  // settle its promise any more.
  process.on('beforeExit', () => fail(new NeverSettled(task)))
  host.unref()
  const log = recordLog(process.stdout)
  const dags = load(task.bundlePath)
  if (task.sentry !== null) sentry = await openSentry(task, { host, log })
  let thrown: unknown = null
  const outcome = await runTask(task, { dags, host, abort, log, onFailure: (error) => (thrown = error) })
  finish(outcome, thrown)
}

function load(bundlePath: string): Promise<AuthoredDag[]> {
  const known = loads.get(bundlePath)
  if (known !== undefined) return known
  const loading = loadBundle(bundlePath)
  // Reported where it is awaited: by the preload or by the task.
  loading.catch(() => undefined)
  loads.set(bundlePath, loading)
  return loading
}

/** The host is gone: nobody supervises this process and its children any more. */
function endGroup(): void {
  process.kill(-process.pid, 'SIGKILL')
}

class NeverSettled extends Error {
  constructor(task: TaskStart) {
    super(
      `The handler of task "${task.taskId}" waits for a promise that nothing can settle: no timer, socket or process is left. ` +
        'Await what settles it, or return.',
    )
    this.name = 'NeverSettled'
  }
}
