import { hostname } from 'node:os'
import { NO_LOG, openLog, runDagTest, systemEnvironment, type Config, type DagTest } from '@fairlead/core'
import type { DagSpec } from '@fairlead/protocol'
import type { DagTestOptions, DagTestResult } from '@fairlead/sdk'
import type { AuthoredDag } from '@fairlead/sdk/runtime'
import { chooseExecutor } from './choose-executor.ts'
import type { CompiledDag } from './compile-dag.ts'
import { testSecrets } from './test-secrets.ts'
import { resultOf } from './test-result.ts'
import { testedSpec } from './tested-spec.ts'
import { terminalWatcher } from './terminal-watcher.ts'

/** A Dag at hand, and how to have it compiled for workers. */
export interface TestedDag {
  readonly dag: AuthoredDag
  compile(): Promise<CompiledDag>
  readonly config: Config
  readonly cwd: string
  readonly options: DagTestOptions & { readonly signal: AbortSignal }
  /** What of the Dag is run. Default: all of it. */
  readonly part?: (spec: DagSpec) => DagSpec
  /** Values that tasks find as if others had left them. */
  readonly xcoms?: DagTest['xcoms']
}

/** Runs a Dag once, through the executor that is asked for. */
export async function runTest(test: TestedDag): Promise<DagTestResult> {
  const { dag, config, cwd, options, part = (spec: DagSpec) => spec, xcoms = [] } = test
  const write = options.write ?? ((text: string) => void process.stderr.write(text))
  const watcher = terminalWatcher(write)
  const { executor, isInProcess } = await chooseExecutor(options.executor, { dag, watcher, config, cwd })
  const { spec, ...bundle } = isInProcess ? { spec: dag.toSpec(), file: '', hash: 'in-process' } : await test.compile()
  const end = await runDagTest({
    config,
    executor,
    spec: testedSpec(part(spec), options),
    bundle,
    run: { runId: options.runId ?? null, logicalDate: momentOf(options.logicalDate), conf: options.conf ?? {} },
    xcoms,
    secrets: testSecrets(options),
    environment: systemEnvironment(),
    log: isInProcess ? NO_LOG : openLog({ level: 'error', format: 'pretty', write }),
    host: { hostname: hostname(), pid: process.pid, uid: process.getuid?.() ?? 0 },
    watcher,
    signal: options.signal,
  })
  write(`run ${end.runId} ${end.state}\n`)
  return resultOf(end)
}

function momentOf(date: Date | string | undefined): number | null {
  if (date === undefined) return null
  const moment = new Date(date).getTime()
  if (Number.isSafeInteger(moment)) return moment
  throw new Error(`The logicalDate "${String(date)}" is no moment. Give a Date, or ISO 8601 text.`)
}
