// Holds the layers of the architecture. Its tool lives in tools/layers with a TypeScript of its own, installed on demand.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const tool = fileURLToPath(new URL('../tools/layers', import.meta.url))
const root = resolve(process.argv[2] ?? join(tool, '../..'))

if (!existsSync(join(tool, 'node_modules/.package-lock.json'))) install()
const { checkLayers } = await import('../tools/layers/check.mjs')
const { files, imports, problems } = await checkLayers(root)
for (const problem of problems) console.error(problem)
console.log(`${files} files with ${imports} imports: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

function install() {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--loglevel=error'], { cwd: tool, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
