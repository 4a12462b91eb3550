import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

const ASSET_URL = /new\s+URL\(\s*(['"`])(\.[^'"`$]+)\1\s*,\s*import\.meta\.url/g

/** Files that a source names as `new URL('./…', import.meta.url)`, relative to the Dags folder. */
export function assetsNamedIn(source: string, path: string, dagsFolder: string): string[] {
  const named = [...source.matchAll(ASSET_URL)].map((match) => resolve(dirname(path), decodeURI(match[2] ?? '')))
  return named
    .filter(isFile)
    .map((file) => relative(dagsFolder, file))
    .filter(isInside)
}

/** Files of the Dags folder that match one of the globs (`**`, `*`, `?`, `{a,b}`), sorted. */
export async function findAssets(dagsFolder: string, globs: readonly string[]): Promise<string[]> {
  if (globs.length === 0) return []
  const patterns = globs.map(globPattern)
  const found: string[] = []
  for (const entry of await readdir(dagsFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = relative(dagsFolder, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (!file.includes('node_modules/') && patterns.some((pattern) => pattern.test(file))) found.push(file)
  }
  return found.toSorted()
}

/** A glob as a regular expression over a path with forward slashes. */
export function globPattern(glob: string): RegExp {
  const body = glob.replace(/^\.\//, '').replaceAll(/\*\*\/|\*\*|\*|\?|\{[^}]*\}|[.+^$()|[\]\\{}]/g, (token) => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('{') && token.endsWith('}') && token.length > 1) {
      return `(?:${token.slice(1, -1).split(',').map(escapeAlternative).join('|')})`
    }
    return `\\${token}`
  })
  return new RegExp(`^${body}$`, 'u')
}

function escapeAlternative(text: string): string {
  return text.replaceAll(/[.+^$()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*')
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function isInside(file: string): boolean {
  return !file.startsWith('..') && !isAbsolute(file)
}
