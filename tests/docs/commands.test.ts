import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { docBlocks, docPages, type DocBlock } from './doc-blocks.ts'
import { createReader, type Reader } from '../../testkit/reader.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MARKS = ['run', 'server', 'ci']

describe.each(docPages(root))('%s', (page) => {
  const blocks = docBlocks(root, page)
  const shell = blocks.filter(({ language }) => /^(sh|bash|shell|console|zsh)$/.test(language))

  it('says of each block of shell who runs it', () => {
    expect(shell.filter(({ language, mark }) => language !== 'sh' || !MARKS.includes(mark))).toEqual([])
  })

  it('names for `ci` only what .ci/run runs', () => {
    const ci = readFileSync(join(root, '.ci/run'), 'utf8').replaceAll('npm ci', 'npm install')
    const commands = shell.filter(({ mark }) => mark === 'ci').flatMap(({ text }) => text.trim().split(/\n| && | -- /))
    expect(commands.filter((command) => !ci.includes(command))).toEqual([])
  })

  it.runIf(shell.some(({ mark }) => mark === 'run'))('has commands that work for a reader who types them', async () => {
    const reader = createReader(root)
    try {
      for (const block of blocks) await follow(reader, block)
    } finally {
      await reader.leaves()
    }
  })
})

async function follow(reader: Reader, { language, mark, text }: DocBlock): Promise<void> {
  if (language !== 'sh' && mark !== '') return reader.writes(mark, text)
  if (mark === 'server') return reader.starts(text)
  if (mark !== 'run') return
  const { exitCode, output } = await reader.runs(text)
  expect(exitCode, output).toBe(0)
}
