import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../.ci/closing-line.mjs', import.meta.url))
const GREEN = {
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 0,
  testResults: [],
}
const BROKEN_FILE = { status: 'failed', assertionResults: [] }

describe('the closing line of continuous integration', () => {
  it.each([
    ['adds up the reports', [GREEN, GREEN], [], '6 passed, 0 failed, 2 skipped', 0],
    ['counts failed tests', [{ ...GREEN, success: false, numFailedTests: 2 }], [], '3 passed, 2 failed, 1 skipped', 1],
    [
      'counts a file that did not load',
      [{ ...GREEN, success: false, testResults: [BROKEN_FILE] }],
      [],
      '3 passed, 1 failed, 1 skipped',
      1,
    ],
    [
      'counts a run that failed without a failed test',
      [{ ...GREEN, success: false }],
      [],
      '3 passed, 1 failed, 1 skipped',
      1,
    ],
    ['counts a report that is missing', [GREEN, null], [], '3 passed, 1 failed, 1 skipped', 1],
    ['counts a step that failed', [GREEN], ['npm run demo'], '3 passed, 1 failed, 1 skipped', 1],
    ['counts a test step that failed before its tests', [null], ['tests 0'], '0 passed, 1 failed, 0 skipped', 1],
    [
      'counts a test step once',
      [{ ...GREEN, success: false, numFailedTests: 1 }],
      ['tests 0'],
      '3 passed, 1 failed, 1 skipped',
      1,
    ],
    ['counts a test step that failed behind green tests', [GREEN], ['tests 0'], '3 passed, 1 failed, 1 skipped', 1],
    ['fails when no test ran', [{ ...GREEN, numPassedTests: 0 }], [], '0 passed, 0 failed, 1 skipped', 1],
  ])('%s', (_, reports, failedSteps, line, exitCode) => {
    expect(close(reports, failedSteps)).toEqual({ line, exitCode })
  })
})

function close(
  reports: ReadonlyArray<object | null>,
  failedSteps: readonly string[],
): { line: string | undefined; exitCode: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-closing-'))
  const files = reports.map((report, index) => {
    const file = join(folder, `${index}.json`)
    if (report !== null) writeFileSync(file, JSON.stringify(report))
    return `tests ${index}=${file}`
  })
  const { stdout, status } = spawnSync(process.execPath, [script, ...files, '--', ...failedSteps], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  return { line: stdout.trim().split('\n').at(-1), exitCode: status }
}
