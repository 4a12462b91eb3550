import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Builds the task runner's parse child from its source, as the build does, and answers where it is. */
export async function buildParseScript(): Promise<{ path: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-parse-script-'))
  const outfile = join(folder, 'parse.cjs')
  await build({
    entryPoints: [fileURLToPath(new URL('../packages/task-runner/src/parse/main.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    conditions: ['@fairlead/source'],
    logLevel: 'silent',
  })
  return { path: outfile, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
