// Writes PACKAGE/api.md: the declarations that each entry point exports, as tsc emits them. With --check it compares instead.
// A change of a published contract is then a change of a committed file, which a review sees.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const isCheck = process.argv.includes('--check')
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const packages = names.length > 0 ? names : ['packages/executor']

for (const path of packages) {
  const folder = resolve(root, path)
  compile(folder)
  const report = reportOf(folder)
  const file = join(folder, 'api.md')
  if (!isCheck) writeFileSync(file, report)
  else if (readIfAny(file) !== report) {
    console.error(
      `${path}/api.md is not what ${path} exports. Read the change, and run: node scripts/api-report.mjs ${path}`,
    )
    process.exitCode = 1
  }
}

function compile(folder) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-b', folder], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

function reportOf(folder) {
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const parts = Object.values(exports)
    .flatMap(({ types }) => exportedFiles(join(folder, types)))
    .map((file) => `## ${titleOf(relative(join(folder, 'dist'), file))}\n\n\`\`\`ts\n${declarations(file)}\n\`\`\`\n`)
  const text = [`# What ${name} exports\n`, 'Written by `node scripts/api-report.mjs`; not by hand.\n', ...parts].join(
    '\n',
  )
  return format(text)
}

function format(text) {
  const oxfmt = join(root, 'node_modules/oxfmt/bin/oxfmt')
  return spawnSync(process.execPath, [oxfmt, '--stdin-filepath', 'api.md'], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  }).stdout
}

function titleOf(path) {
  return path.replace(/\.d\.ts$/, '')
}

/** The files that an index re-exports, in its order; an entry that is no index declares what it exports itself. */
function exportedFiles(index) {
  if (basename(index) !== 'index.d.ts') return [index]
  const targets = [...readFileSync(index, 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, target]) => target)
  return [...new Set(targets)].map((target) => join(dirname(index), target.replace(/\.(ts|js)$/, '.d.ts')))
}

function declarations(file) {
  return readFileSync(file, 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    .trim()
}

function readIfAny(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Never written yet: it differs from any report.
    return null
  }
}
