import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { conformance } from '@fairlead/executor/vitest'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import { build } from 'esbuild'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll, beforeAll } from 'vitest'
import { PullExecutor } from '../contract/pull-executor/src/pull-executor.ts'

const folder = mkdtempSync(join(tmpdir(), 'fl-pull-'))
const workerPath = join(folder, 'worker.mjs')
const runner = [process.execPath, fileURLToPath(new URL('../contract/workload-runner.mjs', import.meta.url))]

beforeAll(async () => {
  const entry = fileURLToPath(new URL('../contract/pull-executor/src/worker.ts', import.meta.url))
  await build({ entryPoints: [entry], outfile: workerPath, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Each try starts a worker, and two processes of Node for each task: here is what pulling makes hard. */
const FIT_FOR_PULLING = (
  'FX-101 FX-102 FX-110 FX-113 FX-208 FX-211 FX-301 FX-302 FX-305 FX-309 FX-321 FX-322 FX-332 FX-404 ' +
  'FX-503 FX-505 FX-601 FX-602 FX-603 FX-608 FX-610 FX-701 FX-702 FX-703 FX-704 FX-705 FX-706 FX-708 FX-709 FX-805'
).split(' ')

/** The throwaway proof of the contract, with the facts that it came before. */
class Pull extends PullExecutor {
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
}

const hooks: ConformanceHooks = {
  // It holds nothing open: with its host gone, it is gone.
  crash: async () => undefined,
  surround: async ({ mount }) => {
    const worker = spawn(process.execPath, [workerPath, 'w1'], {
      env: {
        ...process.env,
        PULL_URL: mount.url,
        PULL_TOKEN: mount.credential,
        PULL_RUNNER: JSON.stringify(runner),
      },
      stdio: 'ignore',
    })
    const closed = new Promise((resolve) => worker.on('close', resolve))
    return async () => {
      worker.kill('SIGTERM')
      await closed
    }
  },
}

conformance({
  subject: { executorClass: Pull, settings: { leaseMs: 2_000 }, hooks },
  openLaboratory: (about) => openLaboratory({ ...about, sharesFiles: true }),
  volume: 8,
  only: FIT_FOR_PULLING,
})
