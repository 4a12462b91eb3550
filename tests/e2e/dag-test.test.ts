import { spawn, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DebuggerClient } from '../../testkit/debugger-client.ts'
import { eventually } from '../../testkit/eventually.ts'

/** `dag.test()` as authors start it: their own file, by tsx, by Node, under a debugger, and by the command. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PRICES = `import { Dag, getContext, isMain } from 'fairlead'

export const dag = new Dag('prices', { defaultArgs: { retries: 1 } })

interface Price {
  readonly name: string
  readonly cents: number
}

const load = dag.task('load', (): Price[] => [{ name: 'tea', cents: 250 }])
const total = dag.task('total', ({ prices }: { prices: Price[] }) => {
  if (getContext().tryNumber === 1) throw new Error('again')
  const sum = prices.reduce((all, { cents }) => all + cents, 0) // here
  return { sum, pid: process.pid }
})
const count = dag.shell('count', 'echo "$FAIRLEAD_INPUT_PRICES" | wc -w')

const prices = load()
total({ prices })
count({ prices })

if (isMain(import.meta)) {
  const { state, tasks } = await dag.test({ executor: process.env['THROUGH'] })
  console.log(JSON.stringify({ state, tasks, pid: process.pid }))
}
`

const UNGUARDED = `import { Dag } from 'fairlead'
const dag = new Dag('unguarded')
dag.task('one', () => 1)()
const { state, tasks } = await dag.test({ executor: process.env['THROUGH'] })
console.log(JSON.stringify({ state, tasks, pid: process.pid }))
`

const ENDLESS = `import { Dag, isMain } from 'fairlead'
const dag = new Dag('endless')
dag.task('sleeps', () => { console.log('asleep'); return new Promise((resolve) => setTimeout(resolve, 600_000)) })()
if (isMain(import.meta)) await dag.test({ executor: process.env['THROUGH'] })
`

const SECRETS = `import { Dag, getClient } from 'fairlead'
const dag = new Dag('secrets')
dag.task('reads', async () => {
  const client = getClient()
  const mail = await client.getConnection('mail')
  return [await client.variables.get('region'), await client.variables.getJson('limits'), mail?.login, mail?.port]
})()
`

/** A stranger's executor: every task is a child of its own making, which does nothing but speak the API. */
const OWN = `import { BaseExecutor } from '@fairlead/executor'
import { runWorkload, runnerFiles } from '@fairlead/task-runner'
const TIMES = { killGraceMs: 100, launchBudgetMs: 9e3, settleBudgetMs: 9e3, leaseMs: 9e4, overtimeMs: 9e3, drainMs: 100 }
export class OwnExecutor extends BaseExecutor {
  async executeAsync(workload) {
    const { dispatchId } = workload.taskInstance
    const { apiUrl, logFolder, bundleFolder } = this.host
    const run = runWorkload(workload, {
      apiUrl, logFolder, bundleFolder, ...runnerFiles(), settings: TIMES, heartbeatIntervalMs: 1000,
      giveUp: new AbortController().signal, onRunning: (pid) => this.running(dispatchId, String(pid)),
    })
    void run.done.then((exit) => this.fail(dispatchId, exit))
    return 'job-' + dispatchId
  }
  async sync() {}
}
`

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-dag-test-'))
  mkdirSync(join(folder, 'dags'))
  mkdirSync(join(folder, 'tmp'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  write('package.json', '{ "type": "module" }')
  write('own-executor.js', OWN)
  write('dags/prices.ts', PRICES)
  write('dags/unguarded.ts', UNGUARDED)
  write('dags/endless.ts', ENDLESS)
  write('dags/secrets.ts', SECRETS)
  write('compiled.js', (await transform(PRICES, { loader: 'ts', sourcemap: 'inline', sourcefile: 'prices.ts' })).code)
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Printed {
  readonly state: string
  readonly pid: number
  readonly tasks: Readonly<Record<string, { state: string; tryNumber: number; executor: string; result: unknown }>>
}

describe('a Dag file that is started by itself', () => {
  it.each([
    ['tsx', ['--import', 'tsx', 'dags/prices.ts'], 'prices.ts:12:'],
    ['Node alone, once it is compiled', ['compiled.js'], 'compiled.js:'],
  ])('runs its Dag in its own process under %s', async (_, args, place) => {
    const { printed, stderr } = await start(args)
    expect(printed.state).toBe('success')
    expect(printed.tasks['total']).toMatchObject({ tryNumber: 2, result: { sum: 250, pid: printed.pid } })
    expect(printed.tasks['count']).toMatchObject({ state: 'success', executor: 'in-process', result: '1' })
    expect(stderr.split('[total] error: Error: again\n')[1]?.split('\n')[1]).toContain(place)
    await eventually(() => leftovers().length === 0)
  })

  it.each(['LocalExecutor', 'SequentialExecutor', 'DebugExecutor', './own-executor.js#OwnExecutor'])(
    'runs its Dag through %s',
    async (executor) => {
      const { printed, stderr } = await start(['--import', 'tsx', 'dags/prices.ts'], { THROUGH: executor })
      expect(printed.state, stderr).toBe('success')
      const name = executor.replace(/^.*#/, '')
      expect(Object.values(printed.tasks).map((task) => task.executor)).toEqual([name, name, name])
      expect(printed.tasks['total']).toMatchObject({ tryNumber: 2, result: { sum: 250, pid: expect.any(Number) } })
      expect(printed.tasks['total']).not.toMatchObject({ result: { pid: printed.pid } })
      await eventually(() => leftovers().length === 0)
    },
  )

  it('does no harm when it tests without looking who loads it', async () => {
    const { printed } = await start(['--import', 'tsx', 'dags/unguarded.ts'], { THROUGH: 'LocalExecutor' })
    expect(printed.tasks['one']).toMatchObject({ state: 'success', result: 1 })
  })

  it('leaves no process and no file behind when it is interrupted', async () => {
    const { child, output } = launch(['--import', 'tsx', 'dags/endless.ts'], { THROUGH: 'LocalExecutor' })
    await eventually(() => output().includes('asleep'), { timeoutMs: 60_000 })
    child.kill('SIGINT')
    await eventually(() => child.signalCode === 'SIGINT', { timeoutMs: 30_000 })
    await eventually(() => leftovers().length === 0)
  })
})

describe('fairlead dags test', () => {
  const command = [join(ROOT, 'packages/fairlead/bin/fairlead.mjs'), 'dags', 'test']

  it.each([
    [[], 'in-process'],
    [['--executor', 'LocalExecutor'], 'LocalExecutor'],
  ])('finds the Dag by its id and runs it (%j)', async (options, executor) => {
    const { stdout, exitCode } = await start([...command, 'prices', '2026-01-02', '--conf', '{"a":1}', ...options])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(String.raw`total +success +2 +${executor} +\{"sum":250`))
    await eventually(() => leftovers().length === 0)
    expect(existsSync(join(folder, '.fairlead'))).toBe(false)
  })

  it('ends with 3 for a Dag that is not there, and names the files that do not load', async () => {
    write('dags/broken.ts', `import 'fairlead'\nthrow new Error('thrown at import')`)
    const { stderr, exitCode } = await start([...command, 'absent'])
    rmSync(join(folder, 'dags/broken.ts'))
    expect(stderr).toMatch(/There is no Dag "absent"[^]*broken\.ts:2[^]*thrown at import/)
    expect(exitCode).toBe(3)
  })
})

describe('fairlead tasks test', () => {
  const command = [join(ROOT, 'packages/fairlead/bin/fairlead.mjs'), 'tasks', 'test', 'prices']
  const inputs = ['--inputs', '{"prices": [{"name": "tea", "cents": 4}, {"name": "milk", "cents": 3}]}']

  it.each([[[]], [['--executor', 'SequentialExecutor']]])(
    'runs one task with the values it is given (%j)',
    async (options) => {
      const { stdout, exitCode } = await start([...command, 'count', '2026-01-02', ...inputs, ...options, '-o', 'json'])
      expect(JSON.parse(stdout)).toEqual({ task_id: 'count', state: 'success', result: '1' })
      expect(exitCode).toBe(0)
    },
  )

  it.each([[[]], [['--executor', 'LocalExecutor']]])(
    'has the task read the variables and connections it is given (%j)',
    async (options) => {
      const variables = JSON.stringify({ region: 'eu', limits: { rows: 3 } })
      const connections = JSON.stringify({ mail: 'smtp://ada:word@mail.example:587' })
      const secrets = ['--variables', variables, '--connections', connections]
      const testing = [join(ROOT, 'packages/fairlead/bin/fairlead.mjs'), 'tasks', 'test', 'secrets', 'reads']
      const { stdout, stderr } = await start([...testing, ...secrets, ...options, '-o', 'json'])
      expect(JSON.parse(stdout), stderr).toMatchObject({ state: 'success', result: ['eu', { rows: 3 }, 'ada', 587] })
    },
  )

  it('tries a task once, and ends with 1 when it fails', async () => {
    const { stdout, stderr, exitCode } = await start([...command, 'total', 'mine'])
    expect(stderr).toMatch(/"prices", which task "load" would leave, is null/)
    expect(stdout).toMatch(/state +failed\n.*\nerror +again/)
    expect(exitCode).toBe(1)
  })

  it.each([
    [['absent'], 3, /has no task "absent". It has: load, total, count/],
    [['count', '--inputs', '{"rows": 1}'], 2, /takes no value "rows".*It takes: prices/],
  ])('%j ends with %i and says why', async (args, exitCode, message) => {
    const finished = await start([...command, ...args])
    expect(finished.stderr).toMatch(message)
    expect(finished.exitCode).toBe(exitCode)
  })
})

it('stops at a breakpoint that was set in the TypeScript of a handler', async () => {
  const { child, output } = launch(['--inspect-brk=127.0.0.1:0', '--import', 'tsx', 'dags/prices.ts'])
  const url = await eventually(() => /ws:\/\/\S+/.exec(output())?.[0])
  const debug = await DebuggerClient.attach(url)
  await debug.call('Debugger.enable')
  await debug.call('Runtime.runIfWaitingForDebugger')
  // The first statement of the process, before the file is loaded.
  await eventually(() => debug.pauses.length === 1)
  const line = PRICES.split('\n').findIndex((text) => text.includes('// here'))
  // As an editor does: stop at the first statement of the file, whose source map is known by then.
  await debug.call('Debugger.setBreakpointByUrl', { urlRegex: String.raw`dags/prices\.ts`, lineNumber: 0 })
  await debug.resume()
  await eventually(() => debug.pauses.length === 1, { timeoutMs: 60_000 })
  const script = debug.scripts.find(({ scriptId }) => scriptId === topOf(debug)?.scriptId)
  if (script === undefined) throw new Error('It stopped in no script.')
  expect(script.url).toContain(join(folder, 'dags/prices.ts'))
  const place = generatedPlace(script.sourceMap?.payload.mappings ?? '', line)
  await debug.call('Debugger.setBreakpoint', { location: { scriptId: script.scriptId, ...place } })
  await debug.resume()
  await eventually(() => debug.pauses.length === 1, { timeoutMs: 60_000 })
  const { lineNumber = 0, columnNumber = 0 } = topOf(debug) ?? {}
  expect(script.sourceMap?.findEntry(lineNumber, columnNumber)).toMatchObject({ originalLine: line })
  const { result } = await debug.call('Debugger.evaluateOnCallFrame', {
    callFrameId: debug.pauses[0]?.callFrames[0]?.callFrameId,
    expression: 'process.pid',
  })
  expect(result).toMatchObject({ value: child.pid })
  await debug.resume()
  await eventually(() => output().includes('"state":"success"'), { timeoutMs: 60_000 })
  debug.close()
  await eventually(() => child.exitCode === 0)
})

const topOf = ({ pauses }: DebuggerClient) => pauses[0]?.callFrames[0]?.location

/** The first place in the generated code that was made of a line of the source; lines count from 0. */
function generatedPlace(mappings: string, sourceLine: number): { lineNumber: number; columnNumber: number } {
  let source = 0
  for (const [lineNumber, text] of mappings.split(';').entries()) {
    let columnNumber = 0
    for (const segment of text.split(',').filter((one) => one !== '')) {
      const [column = 0, , line = 0] = decodeVlq(segment)
      columnNumber += column
      source += line
      if (source === sourceLine) return { lineNumber, columnNumber }
    }
  }
  throw new Error(`Nothing was made of line ${sourceLine}.`)
}

function decodeVlq(segment: string): number[] {
  const numbers: number[] = []
  let [value, shift] = [0, 0]
  for (const character of segment) {
    const digit = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.indexOf(character)
    value |= (digit & 31) << shift
    shift += 5
    if ((digit & 32) !== 0) continue
    numbers.push((value & 1) === 1 ? -(value >> 1) : value >> 1)
    ;[value, shift] = [0, 0]
  }
  return numbers
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

/** What tests left in the temporary folder, and processes that work there. */
function leftovers(): string[] {
  const files = readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('fairlead-'))
  const processes = readdirSync('/proc').filter((pid) => {
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${join(folder, 'tmp')}`)
      return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-host')
    } catch {
      return false // No process, or somebody else's.
    }
  })
  return [...files, ...processes]
}

function launch(args: readonly string[], env: Record<string, string> = {}): { child: ChildProcess; output(): string } {
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...inherited, TMPDIR: join(folder, 'tmp'), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { child, output: () => Buffer.concat(chunks).toString() }
}

async function start(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ printed: Printed; stdout: string; stderr: string; exitCode: number | null }> {
  const { child } = launch(args, env)
  const [out, err]: [string[], string[]] = [[], []]
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk.toString()))
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const stdout = out.join('')
  const json = stdout.split('\n').findLast((line) => line.startsWith('{"state"'))
  return {
    printed: JSON.parse(json ?? '{"state":"nothing was printed","tasks":{}}') as Printed,
    stdout,
    stderr: err.join(''),
    exitCode,
  }
}
