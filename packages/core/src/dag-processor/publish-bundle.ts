import { createHash } from 'node:crypto'
import { access, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DagSpec } from '@fairlead/protocol'
import type { StagedBundle } from './compile-dag-file.ts'

/**
 * Gives a staged bundle its hash and its place: the folder of that name. One that is there already keeps its code and
 * assets, which are the same, and gets what the hash leaves out: the source map and the manifest.
 */
export async function publishBundle(
  staged: StagedBundle,
  dags: readonly DagSpec[],
  bundlesFolder: string,
): Promise<string> {
  const hash = bundleHash(staged, dags)
  const target = join(bundlesFolder, hash)
  const manifestPath = join(staged.folder, 'manifest.json')
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as object
  await writeFile(manifestPath, `${JSON.stringify({ ...manifest, hash }, null, 2)}\n`)
  try {
    if (!(await isPublished(target))) await rename(staged.folder, target)
    else for (const name of BESIDE_THE_HASH) await rename(join(staged.folder, name), join(target, name))
  } catch (error) {
    if (!(await isPublished(target))) throw error // Else another process has published the same content first.
  }
  return hash
}

const BESIDE_THE_HASH = ['bundle.mjs.map', 'manifest.json']

/** True when a bundle of this hash is complete: it gets its name in one step, so a folder is never half of one. */
export async function isPublished(folder: string): Promise<boolean> {
  return access(join(folder, 'manifest.json')).then(
    () => true,
    () => false,
  )
}

/** The version of a Dag file: its code, graph, assets and externals, but neither layout nor line numbers. */
export function bundleHash(staged: StagedBundle, dags: readonly DagSpec[]): string {
  const content = canonicalJson({
    formatVersion: 1,
    code: staged.codeDigest,
    graph: dags.map(withoutLocations),
    assets: staged.assets,
    externals: staged.externals,
  })
  return createHash('sha256').update(content).digest('hex')
}

function withoutLocations(dag: DagSpec): unknown {
  return { ...dag, location: null, tasks: dag.tasks.map((task) => ({ ...task, location: null })) }
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
