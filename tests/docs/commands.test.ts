import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { docBlocks, docPages, type DocBlock } from './doc-blocks.ts'
import { freePort } from '../../testkit/free-port.ts'
import { createReader, type Reader } from '../../testkit/reader.ts'
import { TEST_ENGINES } from '../../testkit/test-databases.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MARKS = ['run', 'server', 'ci']
/** What a mark ends in where its command needs PostgreSQL, which makes it so for the whole page. */
const ON_POSTGRES = ' postgres'
const { postgres } = TEST_ENGINES

describe.each(docPages(root))('%s', (page) => {
  const blocks = docBlocks(root, page)
  const shell = blocks.filter(({ language }) => /^(sh|bash|shell|console|zsh)$/.test(language))

  it('says of each block of shell who runs it', () => {
    expect(shell.filter(({ language, mark }) => language !== 'sh' || !isMark(mark))).toEqual([])
  })

  it('names for `ci` only what .ci/run runs', () => {
    const ci = readFileSync(join(root, '.ci/run'), 'utf8').replaceAll('npm ci', 'npm install')
    const commands = shell.filter(({ mark }) => mark === 'ci').flatMap(({ text }) => text.trim().split(/\n| && | -- /))
    expect(commands.filter((command) => !ci.includes(command))).toEqual([])
  })

  const needsPostgres = shell.some(({ mark }) => mark.endsWith(ON_POSTGRES))
  const isFollowed = shell.some(({ mark }) => mark.startsWith('run')) && (!needsPostgres || postgres.isProvided)
  it.runIf(isFollowed)('has commands that work for a reader who types them', async () => {
    const database = needsPostgres ? await postgres.createDatabase() : null
    const reader = createReader(root, database === null ? {} : await installationOn(database.url))
    try {
      for (const block of blocks) await follow(reader, { ...block, mark: block.mark.replace(ON_POSTGRES, '') })
    } finally {
      await reader.leaves()
      await database?.drop()
    }
  })
})

function isMark(mark: string): boolean {
  return MARKS.includes(mark.replace(ON_POSTGRES, ''))
}

async function installationOn(url: string): Promise<Record<string, string>> {
  const port = String(await freePort())
  return {
    FAIRLEAD__DATABASE__URL: url,
    FAIRLEAD__API__PORT: port,
    FAIRLEAD__API__BASE_URL: `http://127.0.0.1:${port}`,
  }
}

async function follow(reader: Reader, { language, mark, text }: DocBlock): Promise<void> {
  if (language !== 'sh' && mark !== '') return reader.writes(mark, text)
  if (mark === 'server') return reader.starts(text)
  if (mark !== 'run') return
  const { exitCode, output } = await reader.runs(text)
  expect(exitCode, output).toBe(0)
}
