import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { LogShipper } from './log-shipper.ts'
import { limitedSink, type LogSink, type SinkAnswer } from './log-sinks.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fl-log-'))
  path = join(folder, 'log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Keeps what it is given at its place, and answers as the test says. */
class Kept implements LogSink {
  text = ''
  calls = 0
  mood: SinkAnswer['kind'] = 'taken'

  take(bytes: Buffer, offset: number): Promise<SinkAnswer> {
    this.calls += 1
    if (this.mood !== 'taken') return Promise.resolve({ kind: this.mood })
    // What is behind a gap is asked for again.
    if (offset <= this.text.length) this.text = this.text.slice(0, offset) + bytes.toString()
    return Promise.resolve({ kind: 'taken', offset: this.text.length })
  }
}

describe('a log that is followed', () => {
  it('arrives as it is written', async () => {
    const sink = new Kept()
    const shipper = new LogShipper(path, sink, 5)
    shipper.open()
    writeFileSync(path, 'one\n')
    await eventually(() => sink.text === 'one\n')
    appendFileSync(path, 'two\n')
    await eventually(() => sink.text === 'one\ntwo\n')
    await shipper.close(1000)
  })

  it('arrives to its last byte when it is closed, in pieces', async () => {
    const sink = new Kept()
    const text = `${'x'.repeat(99)}\n`.repeat(10_000)
    writeFileSync(path, text)
    expect(await new LogShipper(path, sink, 60_000).close(5000)).toBe(true)
    expect(sink.text === text).toBe(true)
    expect(sink.calls).toBeGreaterThan(1)
  })

  it('arrives after an outage', async () => {
    const sink = new Kept()
    sink.mood = 'later'
    const shipper = new LogShipper(path, sink, 5)
    shipper.open()
    writeFileSync(path, 'one\n')
    await eventually(() => sink.calls > 2)
    sink.mood = 'taken'
    expect(await shipper.close(5000)).toBe(true)
    expect(sink.text).toBe('one\n')
  })

  it('is sent again from where its keeper has lost it', async () => {
    const sink = new Kept()
    const shipper = new LogShipper(path, sink, 60_000)
    writeFileSync(path, 'one\n')
    await shipper.catchUp(1000)
    sink.text = ''
    appendFileSync(path, 'two\n')
    expect(await shipper.close(1000)).toBe(true)
    expect(sink.text).toBe('one\ntwo\n')
  })

  it('that nobody takes is not waited for longer than there is time', async () => {
    const sink = new Kept()
    sink.mood = 'later'
    writeFileSync(path, 'one\n')
    expect(await new LogShipper(path, sink, 60_000).close(50)).toBe(false)
  })

  it('that nobody wants is let be', async () => {
    const sink = new Kept()
    sink.mood = 'full'
    writeFileSync(path, 'one\n')
    expect(await new LogShipper(path, sink, 60_000).close(50)).toBe(true)
  })

  it('that was never written is no trouble', async () => {
    expect(await new LogShipper(path, new Kept(), 60_000).close(50)).toBe(true)
  })
})

describe('a log with a limit', () => {
  const line = `${'x'.repeat(99)}\n`

  it.each([1, 7, 50])('arrives in whole lines, with a last one that says so (%i lines at a time)', async (count) => {
    const sink = new Kept()
    const limit = 2000
    const shipper = new LogShipper(path, limitedSink(sink, limit), 60_000)
    for (let written = 0; written < 50; written += count) {
      appendFileSync(path, line.repeat(count))
      await shipper.catchUp(1000)
    }
    await shipper.close(1000)
    const lines = sink.text.split('\n').filter((one) => one !== '')
    expect(sink.text.length).toBeLessThanOrEqual(limit)
    expect(lines.slice(0, -1).every((one) => one === line.trim())).toBe(true)
    expect(lines.length).toBeGreaterThan(10)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ level: 'warn', limitBytes: limit })
  })

  it('says so on a line of its own, also behind a line that was cut', async () => {
    const sink = new Kept()
    const shipper = new LogShipper(path, limitedSink(sink, 2000), 60_000)
    appendFileSync(path, 'x'.repeat(300))
    await shipper.catchUp(1000)
    appendFileSync(path, 'y'.repeat(3000))
    await shipper.close(1000)
    expect(JSON.parse(sink.text.split('\n').at(-2) ?? '')).toMatchObject({ limitBytes: 2000 })
  })

  it('that has no room for anything gets nothing', async () => {
    const sink = new Kept()
    writeFileSync(path, line)
    expect(await new LogShipper(path, limitedSink(sink, 0), 60_000).close(1000)).toBe(true)
    expect(sink.text).toBe('')
  })
})
