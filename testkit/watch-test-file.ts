import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, expect } from 'vitest'
import { eventually } from './eventually.ts'

/**
 * Set-up of every test file. A process warning, or a process started by the file that outlives it, fails the file.
 * Processes are found by a variable they inherit, so one that was detached or lost its parent is found too (Linux only).
 */

const MARK = 'FAIRLEAD_TEST_MARK'
const mark = `${process.pid}-${process.hrtime.bigint()}`
const warnings: string[] = []

process.env[MARK] = mark
process.on('warning', noteWarning)

afterAll(async () => {
  const leaked = await leakedProcesses()
  // Warnings are emitted a tick late; the hook may get here without one.
  await new Promise(setImmediate)
  process.off('warning', noteWarning)
  for (const { pid } of leaked) end(pid)
  expect(warnings, 'process warnings').toEqual([])
  expect(leaked, 'processes that outlived this test file (ended by the set-up)').toEqual([])
})

function noteWarning(warning: Error): void {
  // Node 22 to 24 announce node:sqlite so; it is the driver we chose there.
  if (warning.name === 'ExperimentalWarning' && /sqlite/i.test(warning.message)) return
  warnings.push(`${warning.name}: ${warning.message}`)
}

async function leakedProcesses(): Promise<MarkedProcess[]> {
  try {
    await eventually(() => markedProcesses().length === 0, { timeoutMs: 5_000, everyMs: 100 })
    return []
  } catch {
    // Still there after the grace: these are the leaks.
    return markedProcesses()
  }
}

interface MarkedProcess {
  readonly pid: number
  readonly command: string
}

function markedProcesses(): MarkedProcess[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => describeIfMarked(Number(name)))
}

function describeIfMarked(pid: number): MarkedProcess[] {
  try {
    if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARK}=${mark}`)) return []
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    // A zombie has no command line; esbuild's service ends with the process that uses it.
    return command === '' || /\besbuild\b.*--service=/.test(command) ? [] : [{ pid, command: command.slice(0, 300) }]
  } catch {
    // It ended while we looked, or belongs to someone else.
    return []
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended on its own after all.
  }
}
