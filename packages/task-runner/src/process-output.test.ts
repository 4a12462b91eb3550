import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { linesOf, superviseTasks } from '../../../testkit/supervised-tasks.ts'
import { LogWriter } from './log-writer.ts'
import { followOutput } from './process-output.ts'

const tasks = superviseTasks()

describe('a log', () => {
  it('keeps levels, fields and order', async () => {
    const { log } = await tasks.run('levels')
    const own = linesOf(log).filter(({ logger }) => logger !== 'supervisor')
    expect(own.map(({ level, event, logger }) => [level, event, logger])).toEqual([
      ['warn', 'careful { a: 1 }', 'task'],
      ['error', 'bad', 'task'],
      ['info', 'raw', 'task.stdout'],
      ['info', 'loaded', 'task'],
    ])
    expect(own.at(-1)).toMatchObject({ rows: 3 })
  })

  it('takes 50 MB without holding them in memory', async () => {
    const before = process.memoryUsage().rss
    const { exit, log } = await tasks.run('prints')
    expect(exit).toEqual({ kind: 'exited', exitCode: 0 })
    expect(log.split('\n').filter((line) => line.includes('xxxx'))).toHaveLength(50 * 1024)
    expect(tasks.peakRss() - before).toBeLessThan(40 * 1024 * 1024)
  })

  it('cuts a long line into pieces that say so', async () => {
    const { log } = await tasks.run('longLine')
    const pieces = linesOf(log).filter(({ logger }) => logger === 'task.stdout')
    expect(pieces.map(({ event }) => event.length).reduce((sum, length) => sum + length)).toBe(300_000)
    expect(pieces[0]?.isContinued).toBeUndefined()
    expect(pieces.slice(1).every(({ isContinued }) => isContinued === true)).toBe(true)
  })
})

it('keeps what a process printed while nobody could read it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-output-'))
  const log = new LogWriter(join(folder, 'log'))
  const child = spawn('/bin/sh', ['-c', 'echo last'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = followOutput(child, log, false)
  const ended = output.end(1)
  // The child prints and ends meanwhile, and the watch over its silence is long due.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  await ended
  expect(output.lastLine()).toBe('last')
  await log.close()
  rmSync(folder, { recursive: true })
})
