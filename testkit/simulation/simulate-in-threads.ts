import { Worker } from 'node:worker_threads'
import { noneFailed, type SimulationOptions, type SimulationResult } from './simulate.ts'

/** Plays seeds in several threads, each with globals and a database of its own. `script` runs one share. */
export async function simulateInThreads(
  script: URL,
  threads: number,
  seeds: Pick<SimulationOptions, 'firstSeed' | 'end' | 'twiceEvery'>,
): Promise<SimulationResult> {
  const lowestFailed = noneFailed()
  const shares = Array.from({ length: threads }, (_, index): SimulationOptions => {
    return { ...seeds, firstSeed: seeds.firstSeed + index, stride: threads, isFull: false, lowestFailed }
  })
  const results = await Promise.all(shares.map((share) => playShare(script, share)))
  return {
    passed: sum(results.map((result) => result.passed)),
    twice: sum(results.map((result) => result.twice)),
    steps: sum(results.map((result) => result.steps)),
    digest: results.reduce((digest, result) => (digest ^ result.digest) >>> 0, 0),
    failed: results.flatMap((result) => result.failed).toSorted((a, b) => a.seed - b.seed),
    lastLines: [],
  }
}

function playShare(script: URL, share: SimulationOptions): Promise<SimulationResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData: share })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`A thread of the simulation ended with ${code} and no result.`)))
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
