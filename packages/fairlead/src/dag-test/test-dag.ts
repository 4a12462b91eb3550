import type { DagTestOptions, DagTestResult } from '@fairlead/sdk'
import type { AuthoredDag } from '@fairlead/sdk/runtime'
import { compileDag, type CompiledDag, type CompilingWith } from './compile-dag.ts'
import { runTest } from './run-test.ts'
import { inThrowawayFolder } from './throwaway-folder.ts'

/** What `dag.test()` does once it is called: the run of a Dag whose handlers are in this process. */
export async function testDag(
  dag: AuthoredDag,
  options: DagTestOptions,
  files: readonly string[],
): Promise<DagTestResult> {
  const place = { env: environmentOf(process.env), cwd: process.cwd() }
  const candidates = options.file === undefined ? files : [options.file]
  return interruptible(options, (signal) =>
    inThrowawayFolder(place, ({ config }) => {
      const compile = (): Promise<CompiledDag> => compileOrSay(dag.dagId, candidates, { config, ...place })
      return runTest({ dag, compile, config, cwd: place.cwd, options: { ...options, signal } })
    }),
  )
}

async function compileOrSay(dagId: string, paths: readonly string[], place: CompilingWith): Promise<CompiledDag> {
  const answer = await compileDag(dagId, paths, place)
  if (answer.kind === 'compiled') return answer.compiled
  const looked = paths.length === 0 ? 'No file is known to hold it' : `It is not in ${paths.join(' or ')}`
  throw new Error(
    `The workers of an executor load Dag "${dagId}" from its file. ${[`${looked}.`, ...answer.problems].join(' ')} ` +
      'Construct it in a file of its own, or name its file by the option "file".',
  )
}

/** Ends the run at Ctrl-C too, so that no process of an executor outlives this one; then the signal has its way. */
async function interruptible<T>({ signal }: DagTestOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController()
  const interrupted: NodeJS.Signals[] = []
  const onSignal = (name: NodeJS.Signals): void => {
    interrupted.push(name)
    interruption.abort(new Error(`The test was ended by ${name}.`))
  }
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    return await work(signal === undefined ? interruption.signal : AbortSignal.any([signal, interruption.signal]))
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    for (const name of interrupted) process.kill(process.pid, name)
  }
}

function environmentOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string | undefined>> {
  return env
}
