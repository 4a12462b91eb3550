import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scanDagsFolder } from '@fairlead/core'
import type { AuthoredDag } from '@fairlead/sdk/runtime'
import { installSdk, installSourcePositions, loadBundle } from '@fairlead/task-runner'
import { CliError, EXIT_CODES } from '../cli/cli-error.ts'
import { compileDag, type CompiledDag, type CompilingWith } from './compile-dag.ts'

/** A Dag of the Dags folder, compiled, and loaded into this process. */
export interface LoadedDag {
  readonly dag: AuthoredDag
  readonly compiled: CompiledDag
}

/** Finds a Dag in the Dags folder by its id and loads its file. */
export async function loadDag(dagId: string, place: CompilingWith): Promise<LoadedDag> {
  const { dagsFolder, bundles } = place.config.paths
  const answer = await compileDag(dagId, await likeliestFirst(dagId, dagsFolder), place)
  if (answer.kind === 'absent') {
    const problems = answer.problems.map((problem) => `\n  ${problem}`).join('')
    const unloadable = problems === '' ? '' : ` These files do not load:${problems}`
    throw new CliError(EXIT_CODES.notFound, `There is no Dag "${dagId}" in ${dagsFolder}.${unloadable}`)
  }
  const { compiled } = answer
  installSourcePositions()
  installSdk({ cwd: place.cwd })
  const dags = await loadBundle(join(bundles, compiled.hash, 'bundle.mjs'))
  const dag = dags.find((one) => one.dagId === dagId)
  if (dag !== undefined) return { dag, compiled }
  throw new Error(
    `${compiled.file} has no Dag "${dagId}" when it is loaded again. An id must not depend on where it is.`,
  )
}

/** Most files name the ids of their Dags in so many letters. */
async function likeliestFirst(dagId: string, dagsFolder: string): Promise<readonly string[]> {
  const files = (await scanDagsFolder(dagsFolder)).map((file) => join(dagsFolder, file))
  const named = await Promise.all(files.map(async (file) => (await readFile(file, 'utf8')).includes(dagId)))
  return [...files.filter((_, index) => named[index] === true), ...files.filter((_, index) => named[index] !== true)]
}
