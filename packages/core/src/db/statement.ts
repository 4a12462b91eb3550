import type { SqlFragments, Statement } from './dialect/dialect.ts'
import { FIXED } from './dialect/fixed.ts'

/** Declares a statement. Its parameters are `$1`, `$2`, …; its text is built once for each engine. */
export function statement(build: (fragments: SqlFragments) => string): Statement {
  const texts = new Map<string, string>()
  return {
    textFor: (fragments) => {
      const known = texts.get(fragments.name)
      if (known !== undefined) return known
      const text = `${FIXED} ${build(fragments)}`
      texts.set(fragments.name, text)
      return text
    },
  }
}
