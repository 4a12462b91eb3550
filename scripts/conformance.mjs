// `npm run conformance -- NAME`: tries an executor against the invariants of the contract. Those that run their work on AWS
// (`ecs`, `batch`, `lambda`) are tried on the double of AWS, which is started for them.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ON_AWS = ['ecs', 'batch', 'lambda']
const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url))
const given = process.argv.slice(2)
const args = ON_AWS.includes(given[0])
  ? ['--import', 'tsx', fileOf('../tests/aws/conformance-main.ts'), ...given]
  : [fileOf('../packages/fairlead/bin/fairlead.mjs'), 'executors', 'check', '--level', 'full', ...given]

const { status, error } = spawnSync(process.execPath, args, { stdio: 'inherit' })
if (error !== undefined) throw error
process.exitCode = status ?? 1
