import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

const ROUNDS = Number(process.env['FAIRLEAD_TEST_ROUNDS'] ?? 50)

const DAG = `import { appendFileSync, existsSync } from 'node:fs'
import { Dag, getContext } from 'fairlead'

const dag = new Dag('one', { isPausedUponCreation: false, maxActiveRuns: 100 })
dag.task('only', async () => {
  const { conf, runId } = getContext()
  appendFileSync(String(conf['journal']), 'begin ' + runId + ' ' + process.pid + '\\n')
  console.log('first line')
  while (!existsSync(String(conf['go']))) await new Promise((resolve) => setTimeout(resolve, 5))
  console.log('last line')
  appendFileSync(String(conf['journal']), 'end ' + runId + '\\n')
})()
`

let server: FairleadServer
beforeAll(() => {
  server = new FairleadServer({ 'one.ts': DAG })
})
afterAll(() => server.dispose())

it(
  `accepts one outcome of one process, with its whole log, when the server is killed while the task runs and while it settles, ${ROUNDS} times`,
  { timeout: 600_000 },
  async () => {
    const journal = join(server.folder, 'journal')
    writeFileSync(journal, '')
    for (let round = 0; round < ROUNDS; round++) {
      const go = join(server.folder, `go-${round}`)
      await server.start()
      const runId = await server.trigger('one', { journal, go })
      await eventually(() => readFileSync(journal, 'utf8').includes(`begin ${runId} `))
      // Odd rounds kill while it runs; even ones let it end while no server is there, so that it settles at the restart.
      await server.kill('SIGKILL')
      if (round % 2 === 0) {
        writeFileSync(go, '')
        await eventually(() => readFileSync(journal, 'utf8').includes(`end ${runId}\n`))
      }
      await server.start()
      writeFileSync(go, '')
      expect(await server.runEnd('one', runId)).toBe('success')
      expect(readFileSync(journal, 'utf8').split(`begin ${runId} `)).toHaveLength(2)
      const { stdout } = await server.run('tasks', 'logs', 'one', runId, 'only')
      expect(stdout).toContain('first line')
      expect(stdout).toContain('last line')
      await server.kill(round % 3 === 0 ? 'SIGKILL' : 'SIGTERM')
    }
    const outcomes = server.query<{ count: number }>(
      `select count(*) as count from audit_log where event = 'task_instance.state' and to_state = 'success'`,
    )
    expect(outcomes[0]?.count).toBe(ROUNDS)
  },
)
