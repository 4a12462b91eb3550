import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dispatchIdSchema } from '@fairlead/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Journal } from './journal.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-journal-'))
  path = join(folder, 'journal.ndjson')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const first = dispatchIdSchema.parse('01900000-0000-7000-8000-000000000001')
const second = dispatchIdSchema.parse('01900000-0000-7000-8000-000000000002')
const leader = { pid: 42, startTime: '1', bootId: 'b' }
const exit = { kind: 'exited', exitCode: 0 } as const
const pending = {
  taskInstance: { id: 'i', dagId: 'd', runId: 'r', taskId: 't', mapIndex: -1 },
  state: { state: 'success', end_date: '2026-01-01T00:00:00.000Z' },
  returnJson: '1',
} as const

it('knows after a crash what was begun and what had ended', () => {
  const journal = new Journal(path)
  journal.accepted(first)
  journal.running(first, leader)
  journal.accepted(second)
  journal.running(second, leader)
  journal.ended(second, { exit, pending, token: 'session' })
  expect(new Journal(path).entries()).toEqual([
    { dispatchId: first, process: leader, end: null },
    { dispatchId: second, process: leader, end: { exit, pending, token: 'session' } },
  ])
})

it('keeps no token once the outcome is told, and nothing once it is acknowledged', () => {
  const journal = new Journal(path)
  journal.accepted(first)
  journal.ended(first, { exit, pending, token: 'session' })
  journal.reported(first)
  expect(new Journal(path).entries()).toEqual([
    { dispatchId: first, process: null, end: { exit, pending: null, token: '' } },
  ])
  expect(readFileSync(path, 'utf8')).not.toContain('session')
  const again = new Journal(path)
  again.acknowledged(first)
  expect(new Journal(path).entries()).toEqual([])
})

it('reads past a line that a killed host did not finish', () => {
  new Journal(path).accepted(first)
  appendFileSync(path, '{"kind":"running","dispatchId":"0190')
  const journal = new Journal(path)
  journal.accepted(second)
  expect(new Journal(path).entries().map(({ dispatchId }) => dispatchId)).toEqual([first, second])
})

it('is for its owner alone', () => {
  new Journal(path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})
