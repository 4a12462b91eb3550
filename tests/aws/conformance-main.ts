import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { BATCH_SETTINGS, setBatchStage } from './batch-stage.ts'
import { ECS_SETTINGS, setEcsStage } from './ecs-stage.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

/** `npm run conformance -- ecs | batch | lambda`: starts the double of AWS, sets its stage, and tries the executor on it. */

interface Subject {
  readonly executor: string
  readonly setStage: (double: AwsDouble) => void
  readonly settings: (double: AwsDouble) => object
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  ecs: { executor: 'EcsExecutor', setStage: setEcsStage, settings: () => ECS_SETTINGS },
  batch: { executor: 'BatchExecutor', setStage: setBatchStage, settings: () => BATCH_SETTINGS },
  lambda: {
    executor: `${fileURLToPath(new URL('lambda-on-its-own-queue.ts', import.meta.url))}#LambdaOnItsOwnQueue`,
    setStage: setLambdaStage,
    settings: lambdaSettings,
  },
}
/** Each workload is a process of Node here, not a container somewhere. */
const VOLUME = '25'

const [name = '', ...options] = process.argv.slice(2)
const subject = SUBJECTS[name]
if (subject === undefined) {
  console.error(`There is no "${name}" here, but ${Object.keys(SUBJECTS).join(', ')}.`)
  process.exitCode = 1
} else {
  process.exitCode = await check(subject)
}

async function check({ executor, setStage, settings }: Subject): Promise<number> {
  const double = await startAwsDouble()
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-conformance-'))
  try {
    setStage(double)
    const given = JSON.stringify({ ...settings(double), endpoint: double.url })
    const volume = options.includes('--volume') ? [] : ['--volume', VOLUME]
    const args = ['executors', 'check', executor, '--level', 'full', '--settings', given, ...volume, ...options]
    return await fairlead(args, folder, double.environment)
  } finally {
    await double.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function fairlead(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<number> {
  const bin = fileURLToPath(new URL('../../packages/fairlead/bin/fairlead.mjs', import.meta.url))
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
