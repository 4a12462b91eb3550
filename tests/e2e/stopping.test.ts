import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from '@fairlead/task-runner'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

const DAGS = {
  'stubborn.ts': `import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'
const dag = new Dag('stubborn', { isPausedUponCreation: false })
const ignore = dag.task('ignore_sigterm', async () => {
  process.on('SIGTERM', () => console.log('no'))
  const grandchild = spawn('/bin/sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], { stdio: 'ignore' })
  writeFileSync(String(getContext().conf['pids']), process.pid + ' ' + grandchild.pid)
  await new Promise(() => setInterval(() => {}, 1000))
})()
dag.task('after', () => 'after')().after(ignore)
`,
  'again.ts': `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'
const dag = new Dag('again', { isPausedUponCreation: false })
dag.task('alone', async () => {
  const file = String(getContext().conf['pids'])
  if (!existsSync(file)) {
    process.on('SIGTERM', () => console.log('no'))
    writeFileSync(file, String(process.pid))
    await new Promise(() => setInterval(() => {}, 1000))
  }
  const stat = '/proc/' + readFileSync(file, 'utf8') + '/stat'
  if (existsSync(stat) && !/\\) Z/.test(readFileSync(stat, 'utf8'))) throw new Error('The first try is alive.')
})()
`,
}

let server: FairleadServer
beforeAll(async () => {
  server = new FairleadServer(DAGS, { FAIRLEAD__SCHEDULER__SWEEP_INTERVAL: '1' })
  await server.start()
})
afterAll(() => server.dispose())

const started = { count: 0 }

/** Starts a run, and waits until its task runs; answers the processes of it. */
async function begin(dagId: string): Promise<{ runId: string; pids: readonly number[] }> {
  const file = join(server.folder, `pids${(started.count += 1)}`)
  const runId = await server.trigger(dagId, { pids: file })
  await eventually(() => existsSync(file) && readFileSync(file, 'utf8') !== '', { timeoutMs: 60_000 })
  return { runId, pids: readFileSync(file, 'utf8').split(' ').map(Number) }
}

/** A zombie is no process any more: nobody here need collect it. */
function isAlive(pid: number): boolean {
  return identify(pid) !== null
}

it('cancels a run whose task ignores SIGTERM: nothing of it is left, and its slot is free', async () => {
  const { runId, pids } = await begin('stubborn')
  expect(pids.filter(isAlive)).toEqual(pids)
  const { exitCode, stderr } = await server.run('runs', 'cancel', 'stubborn', runId, '--wait')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('All of them are gone.')
  expect(pids.filter(isAlive)).toEqual([])
  expect(await server.runEnd('stubborn', runId)).toBe('failed')
  const { stdout } = await server.run('tasks', 'explain', 'stubborn', runId, 'ignore_sigterm')
  expect(stdout).toContain('cancelled')
  const after = await server.run('tasks', 'explain', 'stubborn', runId, 'after')
  expect(after.stdout).toContain('skipped')
})

it('clears a task that runs: its next try begins when the process of the first is gone', async () => {
  const { runId, pids } = await begin('again')
  const { exitCode, stdout } = await server.run('tasks', 'clear', 'again', '--run-id', runId)
  expect(exitCode).toBe(0)
  expect(stdout).toContain('restarting')
  expect(await server.runEnd('again', runId, 60_000)).toBe('success')
  expect(pids.filter(isAlive)).toEqual([])
})

it('goes on stopping after the server was killed between the cancel and the stop', async () => {
  await server.kill('SIGTERM')
  await server.start({ FAIRLEAD_FAULT: 'stop.beforeRevoke:1' })
  const { runId, pids } = await begin('stubborn')
  await server.run('runs', 'cancel', 'stubborn', runId)
  expect(await server.ended).toBe('SIGKILL')
  expect(pids.filter(isAlive)).toEqual(pids)
  await server.start()
  await eventually(() => pids.filter(isAlive).length === 0, { timeoutMs: 60_000 })
  await eventually(async () => (await server.run('runs', 'delete', 'stubborn', runId)).exitCode === 0, {
    timeoutMs: 60_000,
  })
})
