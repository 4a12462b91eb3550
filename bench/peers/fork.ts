import { fork, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds from `fork()` to the first message of an empty program, once for each of `times`. */
export async function measureFork(times: number): Promise<readonly number[]> {
  return inFolder(`process.send('ready')`, async (program) => {
    const measured: number[] = []
    for (let time = 0; time < times; time += 1) measured.push(await forkOnce(program))
    return measured
  })
}

/** Milliseconds that an empty program takes from start to end, once for each of `times`. */
export async function measureEmptyProgram(times: number): Promise<readonly number[]> {
  return inFolder('', async (program) =>
    Array.from({ length: times }, () => {
      const startedAt = performance.now()
      spawnSync(process.execPath, [program])
      return performance.now() - startedAt
    }),
  )
}

async function forkOnce(program: string): Promise<number> {
  const startedAt = performance.now()
  const child = fork(program)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve) => child.once('message', resolve))
  const elapsedMs = performance.now() - startedAt
  if (child.connected) child.disconnect()
  await exited
  return elapsedMs
}

async function inFolder<T>(source: string, work: (program: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-peer-'))
  const program = join(folder, 'program.cjs')
  writeFileSync(program, source)
  try {
    return await work(program)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
