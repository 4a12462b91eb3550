import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleContentText, SOURCE_MAP_LINE } from '@fairlead/protocol'
import { z } from 'zod'

/**
 * Why what is in a folder is not the bundle of a hash, or null when it is. What is beside the hash is not looked at: the
 * source map, and where it was compiled. A bundle that does not say what its hash was made of is believed.
 */
export async function problemWithContent(folder: string, hash: string): Promise<string | null> {
  const manifest = manifestSchema.safeParse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')))
  if (!manifest.success) return null
  const { graph, externals, assets: named } = manifest.data
  const code = await readFile(join(folder, 'bundle.mjs'), 'utf8')
  const bare = code.endsWith(SOURCE_MAP_LINE) ? code.slice(0, -SOURCE_MAP_LINE.length) : code
  const assets: Record<string, string> = {}
  for (const path of Object.keys(named)) assets[path] = sha256(await readFile(join(folder, path)))
  const content = sha256(bundleContentText({ code: sha256(bare), graph, assets, externals }))
  return content === hash ? null : `its content has the hash ${content} and should have ${hash}`
}

const manifestSchema = z.object({
  graph: z.string(),
  externals: z.record(z.string(), z.string()),
  assets: z.record(z.string(), z.string()),
})

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
