// Prints `N passed, N failed, N skipped` from the test runner's reports and the steps that failed around it.
// A report that is missing, or a run that failed without a failed test, counts as one failure.
import { existsSync, readFileSync } from 'node:fs'

const args = process.argv.slice(2)
const divide = args.indexOf('--')
const failedSteps = args.slice(divide + 1)
const counts = args.slice(0, divide).map(count)
const passed = sum(({ passed }) => passed)
const failed = sum(({ failed }) => failed) + failedSteps.length
const skipped = sum(({ skipped }) => skipped)

for (const step of failedSteps) console.log(`failed: ${step}`)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function count(file) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const skipped = report.numPendingTests + report.numTodoTests
  // A file that does not load, or a hook that throws, fails without a failed test.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
  )
  const failed = report.numFailedTests + brokenFiles.length
  return { passed: report.numPassedTests, failed: report.success ? failed : Math.max(failed, 1), skipped }
}

function sum(pick) {
  return counts.reduce((total, one) => total + pick(one), 0)
}
