import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** A task that names two executors, with a real server, while the first one is full and then takes no work at all. */

const CONFIG = `import { defineConfig } from 'fairlead'

export default defineConfig({
  executors: {
    a: { executor: 'LocalExecutor', parallelism: 1 },
    b: { executor: 'LocalExecutor', parallelism: 4 },
  },
})
`

const DAG = `import { existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

async function work(): Promise<void> {
  while (!existsSync(String(getContext().conf['go']))) await new Promise((resolve) => setTimeout(resolve, 20))
}

const holding = new Dag('holding', { isPausedUponCreation: false })
holding.task('hold', work, { executor: 'a' })()

const chain = new Dag('chain', { isPausedUponCreation: false, executor: ['a', 'b'] })
chain.task('eager', work, { executorFallback: 'full' })()
chain.task('patient', work)()
`

let server: FairleadServer
let go: string

beforeAll(async () => {
  server = new FairleadServer({ 'dags.ts': DAG })
  symlinkSync(join(process.cwd(), 'node_modules'), join(server.folder, 'node_modules'))
  writeFileSync(join(server.folder, 'fairlead.config.ts'), CONFIG)
  go = join(server.folder, 'go')
  await server.start()
})
afterAll(() => server.dispose())

interface Explained {
  readonly gate: string
  readonly explanation: string
  readonly facts: { readonly executor?: string; readonly passedOver?: readonly unknown[] }
}
const explain = async (dagId: string, runId: string, taskId: string): Promise<Explained> =>
  (await server.json('tasks', 'explain', dagId, runId, taskId)) as Explained

/** Waits until a task is at a gate; answers what it says there. */
const explainedAt = (gate: string, [dagId, runId, taskId]: readonly [string, string, string]): Promise<Explained> =>
  eventually(
    async () => {
      const told = await explain(dagId, runId, taskId)
      return told.gate === gate ? told : null
    },
    { timeoutMs: 30_000, everyMs: 200 },
  )

it('goes to the second executor as its rule says, and tells why', async () => {
  const held = await server.trigger('holding', { go })
  expect((await explainedAt('running', ['holding', held, 'hold'])).explanation).not.toContain('since all')
  const runId = await server.trigger('chain', { go })

  const eager = await explainedAt('running', ['chain', runId, 'eager'])
  expect(eager.explanation).toMatch(
    /^Runs since \S+ on executor "b", since all 1 slots of executor "a" are taken, or others are ahead\.$/,
  )
  expect(eager.facts).toMatchObject({
    executor: 'b',
    passedOver: [{ kind: 'executor_full', executor: 'a', parallelism: 1 }],
  })

  const patient = await explainedAt('executor_full', ['chain', runId, 'patient'])
  expect(patient.explanation).toContain('All 1 slots of executor "a" are taken')

  expect((await server.run('executors', 'drain', 'a')).exitCode).toBe(0)
  const moved = await explainedAt('running', ['chain', runId, 'patient'])
  expect(moved.explanation).toMatch(/on executor "b", since executor "a" takes no work: it is draining\.$/)

  expect(existsSync(go)).toBe(false)
  writeFileSync(go, '')
  expect(await server.runEnd('chain', runId)).toBe('success')
  expect(await server.runEnd('holding', held)).toBe('success')
  const settled = await explain('chain', runId, 'eager')
  expect(settled.explanation).toMatch(/^Settled as success; it went to executor "b", since all 1 slots of executor "a"/)
  expect((await explain('holding', held, 'hold')).explanation).toBe('Settled as success.')
})
