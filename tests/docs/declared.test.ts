import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CONFIG_SCHEMA } from '../../packages/core/src/config/schema.ts'
import { METRICS } from '../../packages/core/src/observability/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = sourcesExcept(['config/schema.ts', 'observability/metric-names.ts'])

describe('what the reference pages promise', () => {
  it('is true of configuration: each key is read by something', () => {
    const keys = Object.entries(CONFIG_SCHEMA).flatMap(([section, entries]) =>
      Object.keys(entries).map((key) => ({ section, key })),
    )
    const unread = keys.filter(({ section, key }) => !sources.some((text) => reads(text, section, key)))
    expect(unread).toEqual([])
  })

  it('is true of metrics: each is counted or timed by something', () => {
    const silent = Object.keys(METRICS).filter((name) => !sources.some((text) => emits(text, name)))
    expect(silent).toEqual([])
  })
})

/** `section.key`, `const { key } = … section`, or the whole section spread into options. */
function reads(text: string, section: string, key: string): boolean {
  const ways = [`\\b${section}\\.${key}\\b`, `\\{[^{}]*\\b${key}\\b[^{}]*\\} = [\\w.]*\\b${section}\\b`]
  return ways.some((way) => new RegExp(way).test(text)) || text.includes(`...config.${section},`)
}

/** By its name, or by a template that ends in the last word of it. */
function emits(text: string, name: string): boolean {
  return text.includes(`'${name}'`) || text.includes(`\`${name.slice(0, name.lastIndexOf('.') + 1)}\${`)
}

function sourcesExcept(left: readonly string[]): string[] {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const folder = join(root, 'packages', name, 'src')
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(file) && !left.includes(file))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
  })
}
