import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { identify, type ProcessIdentity } from '../process-identity.ts'
import { endLeftover, takeOver } from './predecessor.ts'

/** What an earlier host left is known by pid, start time and boot; a pid alone may be anybody's by now. */

let child: ChildProcess
let known: ProcessIdentity
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-predecessor-'))
  child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
  known = await eventually(() => identify(child.pid ?? 0))
})
afterEach(async () => {
  child.kill('SIGKILL')
  await eventually(() => child.signalCode !== null)
  rmSync(folder, { recursive: true, force: true })
})

const strangers = [
  ['began at another time', () => ({ ...known, startTime: '1' })],
  ['began before the machine was started', () => ({ ...known, bootId: 'another boot' })],
] as const

describe('a process that was left', () => {
  it('is ended', async () => {
    expect(await endLeftover(known)).toBe(true)
    await eventually(() => child.signalCode === 'SIGKILL')
  })

  it.each(strangers)('is let live when one of its number %s', async (_, recorded) => {
    expect(await endLeftover(recorded())).toBe(true)
    expect(identify(known.pid)).toEqual(known)
  })
})

describe('a host that was left', () => {
  const recordedIn = (): unknown => JSON.parse(readFileSync(join(folder, 'host.json'), 'utf8'))

  it('is ended when its executor has given it up, and the folder is ours', async () => {
    writeFileSync(join(folder, 'host.json'), JSON.stringify(known))
    expect(takeOver(folder, known.pid)).toEqual({ kind: 'ours' })
    await eventually(() => child.signalCode === 'SIGKILL')
    expect(recordedIn()).toEqual(identify(process.pid))
  })

  it.each(strangers)('is let live when one of its number %s', (_, recorded) => {
    writeFileSync(join(folder, 'host.json'), JSON.stringify(recorded()))
    expect(takeOver(folder, known.pid)).toEqual({ kind: 'ours' })
    expect(identify(known.pid)).toEqual(known)
    expect(recordedIn()).toEqual(identify(process.pid))
  })

  it('keeps the folder when nobody has given it up', () => {
    writeFileSync(join(folder, 'host.json'), JSON.stringify(known))
    expect(takeOver(folder, null)).toEqual({ kind: 'taken', by: known })
    expect(takeOver(folder, process.ppid)).toEqual({ kind: 'taken', by: known })
    expect(identify(known.pid)).toEqual(known)
    expect(recordedIn()).toEqual(known)
  })
})
