import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../../testkit/eventually.ts'
import { LogWriter } from './log-writer.ts'

let folder: string

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'fairlead-log-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('appends to what an earlier process wrote, in folders that it makes', async () => {
  const path = join(folder, 'dag_id=ü', 'attempt=1.log')
  for (const event of ['first', 'second']) {
    const log = new LogWriter(path)
    log.write('info', event)
    await log.close()
  }
  expect(eventsIn(path)).toEqual(['first', 'second'])
})

it('keeps a character that came in two pieces', async () => {
  const path = join(folder, 'a.log')
  const log = new LogWriter(path)
  const pipe = new PassThrough()
  const followed = log.follow(pipe, { level: 'info', logger: 'task.stdout', mayHoldRecords: false })
  const bytes = Buffer.from('grün\n')
  pipe.write(bytes.subarray(0, 3))
  pipe.end(bytes.subarray(3))
  await followed
  await log.close()
  expect(eventsIn(path)).toEqual(['grün'])
})

it('prints what only looks like a record as it is', async () => {
  const path = join(folder, 'a.log')
  const log = new LogWriter(path)
  const pipe = new PassThrough()
  const followed = log.follow(pipe, { level: 'info', logger: 'task.stdout', mayHoldRecords: true })
  pipe.end('\u001e{"not": "a record"}\n\u001enonsense\n')
  await followed
  await log.close()
  expect(eventsIn(path)).toEqual(['{"not": "a record"}', 'nonsense'])
})

it.skipIf(!existsSync('/dev/full'))(
  'loses lines on a full disk, stops nothing, and says how many once there is room (needs /dev/full)',
  async () => {
    const path = join(folder, 'a.log')
    symlinkSync('/dev/full', path)
    const full = new LogWriter(path)
    full.write('info', 'lost')
    await full.close()

    unlinkSync(path)
    const log = new LogWriter(join(folder, 'a.log', 'blocked.log'))
    const obstacle = new LogWriter(path)
    obstacle.write('info', 'a file where the folder should be')
    await obstacle.close()
    log.write('info', 'one')
    await new Promise(setImmediate)
    await eventually(() => log.lostLines === 1)
    rmSync(path)
    log.write('info', 'two')
    await log.close()
    expect(eventsIn(join(folder, 'a.log', 'blocked.log'))).toEqual(['log lines were lost', 'two'])
  },
)

function eventsIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => (JSON.parse(line) as { event: string }).event)
}
