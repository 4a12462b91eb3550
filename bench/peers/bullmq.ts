import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

const JOBS = 10_000
const CONCURRENCY = 10

/** Jobs that BullMQ processes in a second on a Redis without persistence; null where there is no redis-server. */
export async function measureBullMq(): Promise<number | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-redis-'))
  const path = join(folder, 'redis.sock')
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  })
  try {
    while (!existsSync(path)) await sleep(10)
    return await processJobs(path)
  } finally {
    await stop(server)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function processJobs(path: string): Promise<number> {
  const connect = (): Redis => new Redis({ path, maxRetriesPerRequest: null })
  const connections = [connect(), connect()] as const
  const queue = new Queue('bench', { connection: connections[0] })
  for (let from = 0; from < JOBS; from += 1_000) {
    await queue.addBulk(Array.from({ length: 1_000 }, (_, index) => ({ name: 'noop', data: { index } })))
  }
  let done = 0
  const startedAt = performance.now()
  const worker = new Worker('bench', async () => void (done += 1), {
    connection: connections[1],
    concurrency: CONCURRENCY,
  })
  while (done < JOBS) await sleep(2)
  const elapsedMs = performance.now() - startedAt
  await worker.close()
  await queue.close()
  for (const connection of connections) connection.disconnect()
  return (JOBS / elapsedMs) * 1000
}

async function stop(server: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => server.once('close', resolve))
  server.kill('SIGTERM')
  await closed
}
