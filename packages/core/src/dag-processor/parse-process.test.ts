import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { createDagsFolder } from '../../../../testkit/dags-folder.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { buildParseScript } from '../../../../testkit/parse-script.ts'
import { ParseProcess } from './parse-process.ts'

let script: string
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  const built = await buildParseScript()
  script = built.path
  return built.remove
})

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup()
})

function setUp(source: string, timeoutMs = 10_000) {
  const folder = createDagsFolder()
  const bundlePath = join(folder.root, 'bundle.mjs')
  writeFileSync(bundlePath, source)
  const child = new ParseProcess({ script, cwd: folder.dags, env: {}, timeoutMs })
  cleanups.push(
    () => folder.remove(),
    () => child.kill(),
  )
  const parse = () => child.parse({ bundlePath, file: 'a.ts', dagsFolder: folder.dags })
  return { folder, child, parse, bundlePath }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

it('ends what the file has started, too', async () => {
  const { folder, child, parse } = setUp(
    "import { spawn } from 'node:child_process'\nimport { writeFileSync } from 'node:fs'\n" +
      "writeFileSync('pid', String(spawn('sleep', ['600']).pid))",
  )
  expect(await parse()).toMatchObject({ kind: 'parsed', dags: [] })
  const pid = Number(readFileSync(join(folder.dags, 'pid'), 'utf8'))
  expect(isAlive(pid)).toBe(true)
  child.kill()
  await eventually(() => !isAlive(pid))
})

it('keeps the end of what the file prints, and no more', async () => {
  const { parse } = setUp("process.stdout.write('x'.repeat(5_000_000) + 'the end\\n')")
  const { output } = await parse()
  expect(output.length).toBeLessThanOrEqual(16_384)
})

it('refuses an answer that is no Dag', async () => {
  const { parse } = setUp("process.send({ kind: 'parsed', id: 1, dags: [{ dagId: 7 }] })\nawait new Promise(() => {})")
  expect(await parse()).toMatchObject({ kind: 'failed', error: { kind: 'invalid', code: 'DAG_SPEC_INVALID' } })
})

it('ends by itself when its parent was killed while a file loops', async () => {
  const { folder, bundlePath } = setUp(
    "import { writeFileSync } from 'node:fs'\nwriteFileSync('pid', String(process.pid))\nwhile (true) {}",
  )
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { fork } from 'node:child_process'
     const child = fork(${JSON.stringify(script)}, [], { cwd: ${JSON.stringify(folder.dags)}, detached: true,
       stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'] })
     child.send(${JSON.stringify({ id: 1, bundlePath, file: 'a.ts', dagsFolder: folder.dags, timeoutMs: 300 })})`,
  ])
  await eventually(() => existsSync(join(folder.dags, 'pid')) && readFileSync(join(folder.dags, 'pid'), 'utf8') !== '')
  const pid = Number(readFileSync(join(folder.dags, 'pid'), 'utf8'))
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await eventually(() => !isAlive(pid))
})
