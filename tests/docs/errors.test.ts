import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CODE = /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g

/** Where sources declare codes: a list, a union type, or the one code of an error. */
const DECLARATIONS = [
  /\b[A-Z_]*(?:ERROR|PROBLEM)_CODES\s*=\s*\[([\s\S]*?)\]/g,
  /\btype \w*ErrorCode\s*=([^()]*?)\n\n/g,
  /\breadonly code = ('[A-Z_]+')/g,
  /^\s+code: ('[A-Z_]+'),/gm,
]

describe('docs/reference/errors.md', () => {
  it('lists every error code of the sources, once, and no other', () => {
    const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8')
    const documented = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].flatMap(([, code]) => code ?? [])
    const declared = declaredCodes()
    expect({
      undocumented: [...declared].filter((code) => !documented.includes(code)),
      unknown: documented.filter((code) => !declared.has(code)),
      twice: documented.filter((code, index) => documented.indexOf(code) !== index),
    }).toEqual({ undocumented: [], unknown: [], twice: [] })
  })
})

function declaredCodes(): Set<string> {
  const codes = new Set<string>()
  for (const text of sources()) {
    for (const [declaration] of DECLARATIONS.flatMap((pattern) => [...text.matchAll(pattern)])) {
      for (const [, code] of declaration.matchAll(CODE)) if (code !== undefined) codes.add(code)
    }
  }
  return codes
}

function sources(): string[] {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const folder = join(root, 'packages', name, 'src')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return files
      .filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(file))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
  })
}
