import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced block of a page: its info string in two parts (`sh run`, `ts dags/hello.ts`), and its text. */
export interface DocBlock {
  readonly language: string
  readonly mark: string
  readonly text: string
  readonly line: number
}

/** Pages whose commands a reader is meant to type. */
export function docPages(root: string): string[] {
  const guide = readdirSync(join(root, 'docs/guide'), { recursive: true, encoding: 'utf8' })
  return ['README.md', ...guide.filter((name) => name.endsWith('.md')).map((name) => `docs/guide/${name}`)]
}

/** The fenced blocks of a page, in order. */
export function docBlocks(root: string, page: string): DocBlock[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(\w+)[ \t]*([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    mark: (match[2] ?? '').trim(),
    text: match[3] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }))
}
