// The process of each container: runs the one workload that lies in its folder, writes its log to standard output, and
// leaves its verdict beside the workload.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runnerFiles, runWorkload } from '@fairlead/task-runner'

const FOLDER = '/fairlead/dispatch'
const LOG_FOLDER = '/tmp/logs'
const verdictFile = join(FOLDER, 'exit.json')
// Somebody started the container again: what it ran has ended.
if (existsSync(verdictFile)) process.exit(1)

const { workload, apiUrl, killGraceMs } = JSON.parse(readFileSync(join(FOLDER, 'workload.json'), 'utf8'))
const log = join(LOG_FOLDER, workload.logPath)
mkdirSync(dirname(log), { recursive: true })
symlinkSync('/proc/self/fd/1', log)

const run = runWorkload(workload, {
  apiUrl,
  bundleFolder: '/fairlead/bundles',
  logFolder: LOG_FOLDER,
  childPath: runnerFiles().childPath,
  heartbeatIntervalMs: 5000,
  settings: {
    killGraceMs,
    launchBudgetMs: 10_000,
    settleBudgetMs: 300_000,
    leaseMs: 60_000,
    overtimeMs: 5000,
    drainMs: 1000,
  },
  giveUp: new AbortController().signal,
  onRunning: () => undefined,
})
process.once('SIGTERM', () => run.interrupt({ kind: 'cancelled', detail: 'the container was stopped' }))
const exit = await run.done
writeFileSync(verdictFile, JSON.stringify(exit))
process.exitCode = exit.kind === 'exited' ? exit.exitCode : 1
