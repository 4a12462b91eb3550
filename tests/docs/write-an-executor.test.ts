import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { docBlocks } from './doc-blocks.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const excerpts = docBlocks(root, 'docs/guide/write-an-executor.md').filter(({ language }) => language === 'typescript')

it.each(excerpts)('the excerpt in line $line of the tutorial is what $mark says', ({ mark, text }) => {
  expect(withoutSpace(readFileSync(join(root, mark), 'utf8'))).toContain(withoutSpace(text))
})

/** The formatter indents and breaks an excerpt as it would stand alone. */
function withoutSpace(text: string): string {
  return text.replaceAll(/\s+/g, '')
}

it('the example compiles as a package of its own, with its own options', () => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', 'examples/docker-executor', '--noEmit']
  expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('')
})
