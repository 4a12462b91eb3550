import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { globPattern } from './bundle-assets.ts'

/** File in the Dags folder that lists what is not to be read: one glob a line, `#` for comments, `!` to take back. */
export const IGNORE_FILE = '.fairleadignore'

const DAG_FILE = /\.(ts|mts|js|mjs)$/
const NO_DAG_FILE = /(\.d\.m?ts|\.(test|spec|test-d)\.m?[jt]s|^fairlead\.config\.m?[jt]s)$/

/** Every file of the Dags folder that may hold Dags, sorted; none when there is no such folder. */
export async function scanDagsFolder(dagsFolder: string): Promise<string[]> {
  const isIgnored = await readIgnoreFile(dagsFolder)
  const found: string[] = []
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(join(dagsFolder, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || isIgnored(path)) continue
      if (entry.isDirectory()) await visit(path)
      else if (DAG_FILE.test(entry.name) && !NO_DAG_FILE.test(entry.name)) found.push(path)
    }
  }
  await visit('')
  return found.toSorted()
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // It went while we were looking.
    throw error
  }
}

async function readIgnoreFile(dagsFolder: string): Promise<(path: string) => boolean> {
  const text = await readFile(join(dagsFolder, IGNORE_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#')).map(ignoreRule)
  return (path) => rules.findLast((rule) => rule.pattern.test(path))?.ignores ?? false
}

// As in a .gitignore: a pattern without a slash inside it matches at any depth, and a folder stands for all within.
function ignoreRule(line: string): { pattern: RegExp; ignores: boolean } {
  const ignores = !line.startsWith('!')
  const glob = (ignores ? line : line.slice(1)).replace(/\/$/, '')
  const anchored = glob.includes('/') ? glob.replace(/^\//, '') : `**/${glob}`
  return { pattern: globPattern(anchored), ignores }
}
