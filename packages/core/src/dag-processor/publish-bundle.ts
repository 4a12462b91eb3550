import { createHash } from 'node:crypto'
import { access, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleContentText, canonicalJson, type BundleContent, type DagSpec } from '@fairlead/protocol'
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
  const content = contentOf(staged, dags)
  const hash = sha256(bundleContentText(content))
  const target = join(bundlesFolder, hash)
  const manifestPath = join(staged.folder, 'manifest.json')
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as object
  await writeFile(manifestPath, `${JSON.stringify({ ...manifest, graph: content.graph, hash }, null, 2)}\n`)
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
function contentOf({ codeDigest: code, assets, externals }: StagedBundle, dags: readonly DagSpec[]): BundleContent {
  return { code, graph: sha256(canonicalJson(dags.map(withoutLocations))), assets, externals }
}

function withoutLocations(dag: DagSpec): unknown {
  return { ...dag, location: null, tasks: dag.tasks.map((task) => ({ ...task, location: null })) }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
