import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { docBlocks, docPages, type DocBlock } from './doc-blocks.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [...docPages(root), 'docs/reference/configuration.md']

const OPTIONS = {
  strict: true,
  noEmit: true,
  module: 'nodenext',
  target: 'es2023',
  types: ['node'],
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
}

describe.each(pages)('the TypeScript in %s', (page) => {
  const blocks = docBlocks(root, page).filter(({ language }) => language === 'ts')

  it.runIf(blocks.length > 0)('passes the strict compiler', () => {
    expect(typecheck(blocks)).toBe('')
  })
})

function typecheck(blocks: readonly DocBlock[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-docs-'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS }))
  for (const { mark, line, text } of blocks) {
    const file = join(folder, mark === '' ? `line-${line}.ts` : mark)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  return stdout
}
