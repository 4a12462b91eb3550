import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeCloud } from './fake-cloud.ts'
import { installPacked, type PackedInstall } from './install-packed.ts'
import { RunningServer } from './running-server.ts'

/** An executor from outside the repository uses everything that core offers an executor, and core knows nothing of it. */
const cli = fileURLToPath(new URL('../../packages/fairlead/bin/fairlead.mjs', import.meta.url))

const GOOD = `
import { Dag } from 'fairlead'
const dag = new Dag('good', { isPausedUponCreation: false })
const task = (id: string, executor: string, needs: ('adoption' | 'cancel' | 'liveLogs')[] = []) =>
  dag.shell(id, 'while [ ! -e ' + RELEASE + ' ]; do sleep 0.05; done', {
    executor, executorConfig: { cpu: 1 }, executionTimeout: { seconds: 60 }, needs,
  })()
task('first', 'cloud', ['adoption', 'cancel', 'liveLogs'])
task('by_class', 'SmallExecutor')
`
const bad = (dagId: string, options: string): string => `
import { Dag } from 'fairlead'
const dag = new Dag('${dagId}')
dag.shell('load', 'true', ${options})()
`
const BAD = {
  config: bad('config', `{ executor: 'cloud', executorConfig: { cpu: 'two' } }`),
  unknown_key: bad('unknown_key', `{ executor: 'cloud', executorConfig: { memory: 1 } }`),
  runtime: bad('runtime', `{ executor: 'small', executionTimeout: { hours: 1 } }`),
  no_runtime: bad('no_runtime', `{ executor: 'small' }`),
  payload: bad('payload', `{ executor: 'small', executionTimeout: { seconds: 1 }, env: { BIG: 'x'.repeat(9000) } }`),
  callbacks: bad('callbacks', `{ executor: 'cloud', needs: ['callbacks'] }`),
  ambiguous: bad('ambiguous', `{ executor: 'AllRoundExecutor' }`),
}

let install: PackedInstall
let cloud: FakeCloud
let server: RunningServer
let release: string
let runId: string

beforeAll(async () => {
  install = await installPacked(['fake-cloud-executor'], ['packages/sdk', 'packages/task-runner'])
  cloud = await new FakeCloud().listen()
  const { folder } = install
  release = join(folder, 'release')
  await mkdir(join(folder, 'dags'))
  await writeFile(join(folder, 'dags/good.ts'), GOOD.replace('RELEASE', JSON.stringify(release)))
  for (const [name, text] of Object.entries(BAD)) await writeFile(join(folder, `dags/${name}.ts`), text)
  await writeFile(join(folder, 'fairlead.config.ts'), `export default ${JSON.stringify(configuration())}\n`)
  const runner = fileURLToPath(new URL('workload-runner.mjs', import.meta.url))
  const text = await readFile(runner, 'utf8')
  await writeFile(join(folder, 'workload-runner.mjs'), `console.log('{"event":"hello from the cloud"}')\n${text}`)
  server = new RunningServer(folder)
  await server.start()
  runId = await server.trigger('good')
  await server.until(async () => {
    const instances = await server.taskInstances('good', runId)
    return instances.every(({ state }) => state === 'running')
  })
}, 120_000)

afterAll(async () => {
  await writeFile(release, '')
  await server.stop()
  await cloud.close()
  await install.remove()
}, 60_000)

function configuration(): object {
  const settings = {
    cloudUrl: cloud.url,
    workerCommand: [process.execPath, join(install.folder, 'workload-runner.mjs')],
  }
  const executor = 'fake-cloud-executor#AllRoundExecutor'
  return {
    core: { dagsFolder: './dags' },
    api: { port: 0 },
    executors: {
      cloud: { executor, settings, parallelism: 5 },
      second: { executor, settings: { ...settings, missingGraceMs: 1 }, parallelism: 9 },
      small: { executor: 'fake-cloud-executor#SmallExecutor', settings, parallelism: 50 },
    },
  }
}

const taskPath = (task: string): string => `/dags/good/dagRuns/${encodeURIComponent(runId)}/taskInstances/${task}`

async function fairlead(
  args: readonly string[],
  cwd = install.folder,
): Promise<{ code: number; out: string; err: string }> {
  const run = promisify(execFile)(process.execPath, [cli, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd },
  })
  return await run.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
}

describe('an executor from a tarball', () => {
  it('has two instances of its class with settings and parallelism of their own, and one that takes one at a time', async () => {
    const { executors } = await server.call<{ executors: { name: string; parallelism: number }[] }>('GET', '/executors')
    expect(executors.map(({ name, parallelism }) => [name, parallelism])).toEqual([
      ['cloud', 5],
      ['second', 9],
      ['small', 1],
    ])
  })

  it('is chosen by its class too, where that is clear, and rows say its own name', async () => {
    const instances = await server.taskInstances('good', runId)
    expect(Object.fromEntries(instances.map(({ task_id, executor }) => [task_id, executor]))).toEqual({
      first: 'cloud',
      by_class: 'small',
    })
  })

  it('is warned of when it is not for production', () => {
    expect(server.output).toMatch(/executor is for development, not for production.*small/)
  })

  it('has Dags that ask for what it cannot do refused, each with the task, the executor and the remedy', async () => {
    const { import_errors } = await server.call<{ import_errors: { filename: string; stack_trace: string }[] }>(
      'GET',
      '/importErrors',
    )
    const messages = Object.fromEntries(import_errors.map(({ filename, stack_trace }) => [filename, stack_trace]))
    const expected = {
      'config.ts': /Task "load" of Dag "config" .*"cloud" \(AllRoundExecutor\) takes: cpu: must be a number\. Correct/,
      'unknown_key.ts': /memory: is unknown\. Correct/,
      'runtime.ts': /may run for 1 h, and executor "small" \(SmallExecutor\) runs nothing for longer than 1 min\. Give/,
      'no_runtime.ts': /has no executionTimeout, and executor "small" .* Give it an executionTimeout/,
      'payload.ts': /"small" \(SmallExecutor\) passes on 8192 at most\. Move/,
      'callbacks.ts': /needs "callbacks", and executor "cloud" \(AllRoundExecutor\) runs no callbacks\. Choose/,
      'ambiguous.ts': /No executor named "AllRoundExecutor" is configured/,
    }
    expect(Object.keys(messages).toSorted()).toEqual(Object.keys(expected).toSorted())
    for (const [file, message] of Object.entries(expected)) expect(messages[file]).toMatch(message)
  })

  it('gets its Sentry integration to the worker in the workload', () => {
    const workloads = cloud.jobs.map(({ environment }) => JSON.parse(environment['WORKLOAD'] ?? '{}'))
    expect(workloads.map(({ workload }) => workload.sentryIntegration)).toEqual([
      'fake-cloud-executor/sentry',
      'fake-cloud-executor/sentry',
    ])
  })

  it('shows the log of a task that runs, which only it has', async () => {
    await server.until(async () => (await server.log('good', runId, 'first')).includes('hello from the cloud'))
  })

  it('serves its own workers, and shows pages and a view of each task instance', async () => {
    const visit = async () =>
      fetch(`${server.url}/executors/cloud/visit`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await server.workerCredential('cloud')}`,
          'content-type': 'application/json',
        },
        body: '{}',
      })
    expect(await (await visit()).json()).toEqual({ visits: 1 })
    const { executor_views } = await server.call<{ executor_views: { executor_name: string; view_id: string }[] }>(
      'GET',
      '/executorViews',
    )
    expect(executor_views.map(({ executor_name, view_id }) => [executor_name, view_id])).toEqual([
      ['cloud', 'cloud'],
      ['second', 'cloud'],
      ['small', 'cloud'],
    ])
    const page = await server.call<{ data: unknown; schema: unknown }>('GET', '/executorViews/cloud/cloud')
    // The route's instance wrote it, and the view's, which was never started, reads the same store.
    expect(page.data).toEqual({ url: cloud.url, visits: 1 })
    expect(await server.call('GET', `${taskPath('first')}/executorViews`)).toMatchObject({
      executor_views: [{ view_id: 'job', kind: 'task_instance', title: 'Job' }],
    })
    const view = await server.call<{ data: { status: string } }>('GET', `${taskPath('first')}/executorViews/job`)
    expect(view.data).toMatchObject({ status: 'RUNNING', jobId: expect.stringMatching(/^job-/) as string })
  })
})

describe('the commands of an executor', () => {
  it('are in the help beside those of Fairlead', async () => {
    const { code, out } = await fairlead(['--help'])
    expect(code).toBe(0)
    expect(out).toMatch(
      /Commands of executors:\s+all-round\s+See the jobs of the cloud\. \(executor "cloud",\s+"second"\)/,
    )
    expect(out).not.toContain('Left out')
    expect((await fairlead(['all-round', 'jobs', '--help'])).out).toContain('which of cloud, second; default: cloud')
  })

  it('run on an instance that is never started, chosen among those of the class', async () => {
    const dispatchIds = cloud.jobs.map(({ clientToken }) => clientToken)
    expect(await fairlead(['all-round', 'jobs', ...dispatchIds, '--count'])).toMatchObject({
      code: 0,
      out: 'cloud: 2\n',
    })
    expect(
      await fairlead(['all-round', 'jobs', ...dispatchIds, '--status', 'FAILED', '--executor', 'second']),
    ).toMatchObject({ code: 3, out: 'second: []\n' })
    const wrong = await fairlead(['all-round', 'jobs', '--executor', 'small'])
    expect(wrong).toMatchObject({ code: 3, err: expect.stringContaining('not of executor "small"') as string })
  })

  const withConfig = async (name: string, files: Record<string, string>): Promise<string> => {
    const folder = join(install.folder, name)
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
    return folder
  }
  const classOf = (name: string, group: string): string => `
    import { FakeCloudExecutor } from 'fake-cloud-executor'
    export class ${name} extends FakeCloudExecutor {
      static configSchema = null
      static getCliCommands() {
        return [{ name: '${group}', description: 'd', commands: [{ name: 'do', description: 'd', run: async () => 0 }] }]
      }
    }`

  it('never break the command line: what cannot be loaded is left out, and named', async () => {
    const folder = await withConfig('broken', {
      'fairlead.config.mjs': `export default { executors: {
        gone: { executor: 'no-such-package#Gone' }, fine: { executor: './fine.mjs#Fine' } } }`,
      'fine.mjs': classOf('Fine', 'fine-group'),
    })
    const help = await fairlead(['--help'], folder)
    expect(help.code).toBe(0)
    expect(help.out).toContain('fine-group')
    expect(help.out).toMatch(/Left out:\n {2}Executor "gone" \(no-such-package#Gone\) could not be loaded/)
    expect((await fairlead(['version'], folder)).code).toBe(0)
    expect((await fairlead(['fine-group', 'do'], folder)).code).toBe(0)
    const unknown = await fairlead(['gone-group'], folder)
    expect(unknown.code).toBe(2)
    expect(unknown.err).toMatch(/Executor "gone" .*could not be loaded[\s\S]*unknown command 'gone-group'/)
  })

  it('of one name from two classes, or with a name of ours, are refused with both named', async () => {
    const folder = await withConfig('conflict', {
      'fairlead.config.mjs': `export default { executors: { a: { executor: './a.mjs#A' }, b: { executor: './b.mjs#B' }, c: { executor: './c.mjs#C' } } }`,
      'a.mjs': classOf('A', 'shared'),
      'b.mjs': classOf('B', 'shared'),
      'c.mjs': classOf('C', 'dags'),
    })
    const shared = await fairlead(['shared', 'do'], folder)
    expect(shared.code).toBe(2)
    expect(shared.err).toContain(
      '"shared" is offered by executor "a" (A) and executor "b" (B), so it means neither. Rename it',
    )
    const help = await fairlead(['--help'], folder)
    expect(help.out).toContain(`"dags" of executor "c" (C) is not added: "dags" is a command of Fairlead's own.`)
  })

  it('leave the help whole when the configuration itself is broken', async () => {
    const folder = await withConfig('misspelt', { 'fairlead.config.mjs': `export default { cor: {} }` })
    const help = await fairlead(['--help'], folder)
    expect(help.code).toBe(0)
    expect(help.out).toContain('standalone')
    expect(help.out).toContain('The commands of executors could not be looked for: Unknown section "cor"')
  })
})
