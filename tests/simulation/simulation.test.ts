import { execFile } from 'node:child_process'
import { afterAll, describe, expect, it } from 'vitest'
import { copySimulation } from './build-simulation.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const copy = copySimulation()
afterAll(() => copy.remove())

interface Outcome {
  readonly code: number
  readonly output: string
}

function run(bundle: string, ...options: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [bundle, ...options],
      { timeout: 200_000, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ code, output: stdout + stderr })
      },
    )
  })
}

describe('the simulation', () => {
  it(
    'plays a hundred histories, some twice with the same trace, and breaks no invariant',
    { timeout: 240_000 },
    async () => {
      const { code, output } = await run(await copy.bundle(null), '--histories', '100', '--twice-every', '10')
      expect(output).toContain('simulate: 100 of 100 histories passed, 10 of them twice with one trace')
      expect(code).toBe(0)
    },
  )

  it('prints the same trace for a seed in another process', { timeout: 60_000 }, async () => {
    const bundle = await copy.bundle(null)
    const [first, second] = await Promise.all([
      run(bundle, '--histories', '1', '--seed', '7', '--trace'),
      run(bundle, '--histories', '1', '--seed', '7', '--trace'),
    ])
    const trace = (outcome: Outcome): string => outcome.output.slice(0, outcome.output.lastIndexOf('simulate:'))
    expect(trace(first).length).toBeGreaterThan(1_000)
    expect(trace(second)).toBe(trace(first))
  })

  it.each(PLANTED_BUGS)('finds that $name', { timeout: 240_000 }, async (bug) => {
    const from = String(bug.firstSeed ?? 1)
    const { code, output } = await run(await copy.bundle(bug), '--histories', '400', '--seed', from, '--threads', '2')
    expect(output).toMatch(/Seed \d+ breaks "/)
    expect(output).toContain('Replay it: npm run simulate -- --histories 1 --seed ')
    expect(code).toBe(1)
  })
})
