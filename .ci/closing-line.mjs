// Prints `N passed, N failed, N skipped` from the test runner's reports and the steps that failed around it.
// Arguments: `STEP=REPORT` for each step that runs tests, then `--`, then the names of the steps that failed.
import { existsSync, readFileSync } from 'node:fs'

const args = process.argv.slice(2)
const divide = args.indexOf('--')
const failedSteps = args.slice(divide + 1)
const reports = args
  .slice(0, divide)
  .map((arg) => ({ step: arg.slice(0, arg.indexOf('=')), file: arg.slice(arg.indexOf('=') + 1) }))
const otherFailures = failedSteps.filter((name) => !reports.some(({ step }) => step === name))
const counts = reports.map(count)
const failed = sum('failed') + otherFailures.length

for (const step of failedSteps) console.log(`failed: ${step}`)
console.log(`${sum('passed')} passed, ${failed} failed, ${sum('skipped')} skipped`)
process.exitCode = failed === 0 && sum('passed') > 0 ? 0 : 1

/** A step that failed without a failed test, or left no report, counts as one failure. */
function count({ step, file }) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const isGreen = report.success && !failedSteps.includes(step)
  const failures = report.numFailedTests + report.testResults.filter(isBrokenFile).length
  return {
    passed: report.numPassedTests,
    failed: isGreen ? failures : Math.max(failures, 1),
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** A file that does not load, or a hook that throws, fails without a failed test. */
function isBrokenFile({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((one) => one.status === 'failed')
}

function sum(field) {
  return counts.reduce((total, one) => total + one[field], 0)
}
