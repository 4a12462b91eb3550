import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

it('the page on waiting lists every gate that explain names, and no other', () => {
  const explain = read('packages/core/src/dispatch/explain-task-instance.ts')
  const admission = read('packages/core/src/model/admission.ts')
  const route = read('packages/core/src/model/route.ts')
  const gates = [/\bexplanation\(\s*'([a-z_]+)'/g, /^ {2}\| \{ readonly kind: '([a-z_]+)'/gm]
  const kindsOfGates = admission.slice(
    admission.indexOf('export type AdmissionGate'),
    admission.indexOf('/** The decision'),
  )
  const kindsOfExecutors = route.slice(route.indexOf('export type ExecutorGate'), route.indexOf('/** Where a task'))
  const sources = [explain, kindsOfGates, kindsOfExecutors].join('\n')
  const named = gates.flatMap((pattern) => [...sources.matchAll(pattern)].map(([, gate]) => gate))
  const listed = [...read('docs/guide/why-is-my-task-waiting.md').matchAll(/^\| `([a-z_]+)`/gm)].map(([, gate]) => gate)
  expect(new Set(listed)).toEqual(new Set(named))
})
