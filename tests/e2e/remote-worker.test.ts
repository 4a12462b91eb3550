import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WORKER_ENVIRONMENT } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { hasOpenssl, startSpoilingProxy, startTlsProxy } from '../../testkit/api-proxies.ts'
import { eventually } from '../../testkit/eventually.ts'
import { S3_URL, serveFar } from './far-server.ts'

/** Workers that share no file with the server: they are told an id and a ticket, and fetch and send the rest. */

const far = serveFar()

describe('a worker elsewhere', () => {
  it('fetches its task and its code, runs it and sends its log, which stays when the worker is gone', async () => {
    const runId = await far.client.trigger('far')
    expect(await far.client.runEnd('far', runId)).toBe('success')
    const handOver = await far.handedOver('read')
    expect(await far.exitCodeOf(handOver)).toBe('0')
    rmSync(join(far.folder, 'worker'), { recursive: true })
    const log = await far.client.logOf('far', runId, 'read')
    expect(log).toContain('read hello in')
    expect(log).toContain(join(far.folder, 'worker/bundles'))
    expect(await far.client.logOf('far', runId, 'shell')).toContain('from the shell')
    expect(far.outputOf(handOver)).toContain('read hello in')
    expect(far.outputOf(handOver)).not.toContain(handOver.environment[WORKER_ENVIRONMENT.ticket])
  })

  it('says by its exit code that the task failed', async () => {
    const runId = await far.client.trigger('failing')
    expect(await far.client.runEnd('failing', runId)).toBe('failed')
    expect(await far.exitCodeOf(await far.handedOver('throws'))).toBe('1')
    expect(await far.client.logOf('failing', runId, 'throws')).toContain('no such row')
  })

  it('ends its task when the run is cancelled', async () => {
    const runId = await far.client.trigger('long', { conf: { go: join(far.folder, 'never') } })
    const handOver = await far.handedOver('waits')
    await eventually(() => far.outputOf(handOver).includes('it begins'))
    const { exitCode, stderr } = await far.server.run('runs', 'cancel', 'long', runId, '--wait')
    expect(exitCode, stderr).toBe(0)
    expect(await far.exitCodeOf(handOver)).toBe('143')
    expect(await far.client.logOf('long', runId, 'waits')).toContain('it begins')
  })

  it('that its machine tells to stop ends its task and says so', async () => {
    const runId = await far.client.trigger('long', { conf: { go: join(far.folder, 'never') } })
    const handOver = await far.handedOver('waits')
    await eventually(() => far.outputOf(handOver).includes('it begins'))
    process.kill(Number(readFileSync(join(far.folder, `${handOver.dispatchId}.pid`), 'utf8')), 'SIGTERM')
    expect(await far.client.runEnd('long', runId)).toBe('failed')
    expect(await far.exitCodeOf(handOver)).toBe('143')
    const { stdout } = await far.server.run('tasks', 'explain', 'long', runId, 'waits')
    expect(stdout).toContain('shutdown')
    expect(await far.client.logOf('long', runId, 'waits')).toContain('the worker was told to stop')
  })

  it('sends as much of a log as the server keeps, and says that there is more', async () => {
    const runId = await far.client.trigger('wordy')
    expect(await far.client.runEnd('wordy', runId)).toBe('success')
    const handOver = await far.handedOver('speaks')
    expect(await far.exitCodeOf(handOver)).toBe('0')
    const log = await far.client.logOf('wordy', runId, 'speaks')
    expect(log).toContain('line 0 ')
    expect(log).toContain('the log is longer than the server keeps')
    expect(log).not.toContain('line 3999 ')
    expect(far.outputOf(handOver)).toContain('line 3999 ')
  })
})

describe('a worker with a ticket that is worth nothing', () => {
  it('begins nothing when another worker has redeemed it', async () => {
    await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    expect(await far.work(handOver)).toMatchObject({ code: 0 })
    const second = await far.work(handOver)
    expect(second.code).toBe(64)
    expect(second.output).toContain('"kind":"neverStarted"')
    expect(second.output).not.toContain('it runs')
  })

  it('begins nothing when another one is a moment before it', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    const workers = await Promise.all([far.work(handOver), far.work(handOver), far.work(handOver)])
    expect(workers.map(({ code }) => String(code)).toSorted()).toEqual(['0', '64', '64'])
    expect(workers.filter(({ output }) => output.includes('it runs'))).toHaveLength(1)
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })

  it('begins nothing when its task was handed over anew', async () => {
    const runId = await far.client.trigger('held')
    const first = await far.handedOver('alone')
    await far.client.post('/api/v2/dags/held/clearTaskInstances', {
      dag_run_id: runId,
      only_failed: false,
      dry_run: false,
    })
    const second = await far.handedOver('alone')
    const superseded = await far.work(first)
    expect(superseded.code).toBe(64)
    expect(superseded.output).not.toContain('it runs')
    expect((await far.work(second)).code).toBe(0)
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })

  it('begins nothing with one of another hand-over', async () => {
    await far.client.trigger('held')
    await far.client.trigger('held')
    const [one, two] = [await far.handedOver('alone'), await far.handedOver('alone')]
    const ticket = two.environment[WORKER_ENVIRONMENT.ticket] ?? ''
    const wrong = await far.work(one, { [WORKER_ENVIRONMENT.ticket]: ticket })
    expect(wrong.code).toBe(64)
    expect(wrong.output).toContain('of another hand-over')
    expect(await Promise.all([far.work(one), far.work(two)])).toMatchObject([{ code: 0 }, { code: 0 }])
  })
})

describe('code that a machine has', () => {
  it('is fetched once by two workers that begin at once, and never again', async () => {
    const runs = [await far.client.trigger('held'), await far.client.trigger('held'), await far.client.trigger('held')]
    const [one, two, three] = [
      await far.handedOver('alone'),
      await far.handedOver('alone'),
      await far.handedOver('alone'),
    ]
    const shared = { FAIRLEAD__WORKER__FOLDER: join(far.folder, 'shared') }
    expect(await Promise.all([far.work(one, shared), far.work(two, shared)])).toMatchObject([{ code: 0 }, { code: 0 }])
    const [hash = '', ...others] = readdirSync(join(far.folder, 'shared/bundles'))
    expect([others, hash]).toEqual([[], expect.stringMatching(/^[0-9a-f]{64}$/)])
    const stored = join(far.server.home, 'bundles', hash)
    renameSync(stored, `${stored}-away`)
    try {
      expect(await far.work(three, shared)).toMatchObject({ code: 0 })
    } finally {
      renameSync(`${stored}-away`, stored)
    }
    for (const runId of runs) expect(await far.client.runEnd('held', runId)).toBe('success')
  })

  it('is not run when it is not what the server says it is', async () => {
    await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    const proxy = await startSpoilingProxy(handOver.environment[WORKER_ENVIRONMENT.apiUrl] ?? '')
    const spoilt = await far.work(handOver, { [WORKER_ENVIRONMENT.apiUrl]: proxy.url })
    proxy.close()
    expect(spoilt.code).toBe(64)
    expect(spoilt.output).toContain('has the SHA-256')
    expect(readdirSync(join(far.folder, `own-${handOver.dispatchId}/bundles`))).toEqual([])
    expect((await far.work(handOver)).code).toBe(0)
  })
})

describe('code that is not what its hash says', () => {
  it('is not run, also where the server has it so itself', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    const hashes = readdirSync(join(far.server.home, 'bundles')).filter((name) => /^[0-9a-f]{64}$/.test(name))
    const stored = hashes.map((hash) => join(far.server.home, 'bundles', hash, 'bundle.mjs'))
    const codes = stored.map((file) => readFileSync(file, 'utf8'))
    for (const [at, file] of stored.entries()) writeFileSync(file, `0;${codes[at] ?? ''}`)
    const spoilt = await far.work(handOver)
    for (const [at, file] of stored.entries()) writeFileSync(file, codes[at] ?? '')
    expect(spoilt).toMatchObject({ code: 64, output: expect.stringContaining('its content has the hash') as string })
    expect((await far.work(handOver)).code).toBe(0)
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })
})

describe('a log that goes to S3', () => {
  const toS3 = () => ({ [WORKER_ENVIRONMENT.logUrl]: S3_URL, ...far.s3.environment })

  it('is written there, and read from there', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    expect(await far.work(handOver, toS3())).toMatchObject({ code: 0 })
    const [name = ''] = [...far.s3.objects.keys()].filter((key) => key.includes(runId))
    expect(name).toMatch(/^logs\/of\/tasks\/dag_id=held\/run_id=.*\/task_id=alone\/attempt=1\.log$/)
    const path = `/api/v2/dags/held/dagRuns/${runId}/taskInstances/alone/logs/1?full_content=true`
    const { content } = (await far.client.get(path)) as { content: Array<{ event: string }> }
    expect(content.map(({ event }) => event)).toEqual(['task started', 'it runs', 'task ended'])
    expect(existsSync(join(far.server.home, 'logs', name.replace('logs/of/tasks/', '')))).toBe(false)
  })

  it('and cannot be written costs the task nothing, and the reader is told why', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    far.s3.isForbidden = true
    const { code, output } = await far.work(handOver, toS3())
    const log = await far.client.logOf('held', runId, 'alone')
    far.s3.isForbidden = false
    expect(code).toBe(0)
    expect(output).toContain('"isLogSent":false')
    expect(output).toContain('it runs')
    expect(log).toContain('AccessDenied')
  })

  it('is refused before anything runs where the SDK is not installed', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    const { code, output } = await far.work(handOver, toS3(), far.folder)
    expect(code).toBe(64)
    expect(output).toContain('npm install @aws-sdk/client-s3')
    const other = await far.work(handOver, { [WORKER_ENVIRONMENT.logUrl]: 'ftp://logs' })
    expect(other).toMatchObject({ code: 64, output: expect.stringContaining('s3://bucket/prefix') as string })
    expect(await far.work(handOver)).toMatchObject({ code: 0 })
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })
})

describe('an API behind TLS', () => {
  it.skipIf(!hasOpenssl())('is spoken to, by a worker that trusts its certificate (needs openssl)', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    const proxy = await startTlsProxy(handOver.environment[WORKER_ENVIRONMENT.apiUrl] ?? '', far.folder)
    const secure = { [WORKER_ENVIRONMENT.apiUrl]: proxy.url, FAIRLEAD__WORKER__LAUNCH_TIMEOUT: '0' }
    const distrusting = await far.work(handOver, secure)
    const trusting = await far.work(handOver, { ...secure, NODE_EXTRA_CA_CERTS: proxy.certificate })
    proxy.close()
    expect(distrusting).toMatchObject({ code: 65, output: expect.stringContaining('certificate') as string })
    expect(trusting).toMatchObject({ code: 0, output: expect.stringContaining('it runs') as string })
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })
})

describe('without a server', () => {
  it('a worker waits for one before it begins', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    await far.server.kill('SIGKILL')
    const working = far.work(handOver)
    await far.server.start()
    expect((await working).code).toBe(0)
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })

  it('a worker that has waited long enough says so, and its ticket is good for another', async () => {
    const runId = await far.client.trigger('held')
    const handOver = await far.handedOver('alone')
    await far.server.kill('SIGKILL')
    const gone = await far.work(handOver, { FAIRLEAD__WORKER__LAUNCH_TIMEOUT: '0.2' })
    expect(gone.code).toBe(65)
    expect(gone.output).toContain('"kind":"unreachable"')
    await far.server.start()
    expect((await far.work(handOver)).code).toBe(0)
    expect(await far.client.runEnd('held', runId)).toBe('success')
  })

  it('a log arrives whole and once, however often the server dies while it is sent', async () => {
    const runId = await far.client.trigger('counting')
    const handOver = await far.handedOver('counts')
    for (const count of [100, 700]) {
      await eventually(() => far.outputOf(handOver).includes(`count ${count}`))
      await far.server.kill('SIGKILL')
      await far.server.start()
    }
    expect(await far.client.runEnd('counting', runId)).toBe('success')
    expect(await far.exitCodeOf(handOver)).toBe('0')
    const path = `/api/v2/dags/counting/dagRuns/${runId}/taskInstances/counts/logs/1?full_content=true`
    const { content } = (await far.client.get(path)) as { content: Array<{ event: string }> }
    const counts = content.map(({ event }) => event).filter((event) => event.startsWith('count '))
    expect(counts).toEqual(Array.from({ length: 1500 }, (_, count) => `count ${count}`))
  })

  it('a task runs on, and its outcome and its log arrive', async () => {
    const go = join(far.folder, 'go-on')
    const runId = await far.client.trigger('long', { conf: { go } })
    const handOver = await far.handedOver('waits')
    await eventually(() => far.outputOf(handOver).includes('it begins'))
    await far.server.kill('SIGKILL')
    writeFileSync(go, '')
    await eventually(() => far.outputOf(handOver).includes('task ended'))
    await far.server.start()
    expect(await far.client.runEnd('long', runId)).toBe('success')
    expect(await far.exitCodeOf(handOver)).toBe('0')
    const log = await far.client.logOf('long', runId, 'waits')
    for (const line of ['it begins', 'it goes on', 'task ended']) expect(log.split(line)).toHaveLength(2)
  })
})
