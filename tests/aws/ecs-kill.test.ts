import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { FairleadServer } from '../../testkit/fairlead-server.ts'
import { freePort } from '../../testkit/free-port.ts'
import { ECS_SETTINGS, setEcsStage } from './ecs-stage.ts'

/** kill -9 of a real server between RunTask and its answer. `FAIRLEAD_TEST_KILLS=100` takes a quarter of an hour. */
const KILLS = Number(process.env['FAIRLEAD_TEST_KILLS'] ?? 3)

/** Each task notes that its code has run, and waits for those before it. */
const dagOf = (journal: string): string => `import { appendFileSync } from 'node:fs'
import { Dag } from 'fairlead'

const dag = new Dag('voyage', { isPausedUponCreation: false })
const legs = Array.from({ length: ${KILLS} }, (_, index) =>
  dag.task('leg' + index, () => appendFileSync(${JSON.stringify(journal)}, 'leg' + index + '\\n'), { executor: 'ecs' })(),
)
for (const [index, leg] of legs.entries()) if (index > 0) leg.after(legs[index - 1])
`

describe('a server that is killed between the call of RunTask and its answer', () => {
  let double: AwsDouble
  let server: FairleadServer
  let journal: string

  beforeAll(async () => {
    double = await startAwsDouble()
    setEcsStage(double)
    // Workers outlive the server, and must find the next one where the first was.
    const address = { FAIRLEAD__API__PORT: String(await freePort()), FAIRLEAD__SCHEDULER__SCHEDULER_LEASE: '3' }
    server = new FairleadServer({}, { ...double.environment, ...address })
    journal = join(server.folder, 'journal')
    writeFileSync(journal, '')
    server.write('voyage.ts', dagOf(journal))
    const settings = { ...ECS_SETTINGS, endpoint: double.url, checkHealth: false, launchType: 'FARGATE' }
    const executors = { local: { executor: 'LocalExecutor' }, ecs: { executor: 'EcsExecutor', settings } }
    writeFileSync(join(server.folder, 'fairlead.config.ts'), `export default ${JSON.stringify({ executors })}\n`)
  })
  afterAll(async () => {
    await server.dispose()
    await double.close()
  })

  it(`${KILLS} times, runs every task once and loses none`, { timeout: 60_000 + KILLS * 20_000 }, async () => {
    let runId = ''
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Carried out and never answered, or carried out only when its caller is dead.
      double.faults.next('ecs:RunTask', kill % 2 === 0 ? { kind: 'loseAnswer' } : { kind: 'latency', ms: 300 })
      const calls = double.calls.of('ecs:RunTask')
      await server.start()
      if (runId === '') runId = await server.trigger('voyage')
      await eventually(() => double.calls.of('ecs:RunTask') > calls, { timeoutMs: 40_000, everyMs: 2 })
      await server.kill('SIGKILL')
    }
    await server.start()
    expect(await server.runEnd('voyage', runId, 60_000), server.log).toBe('success')
    const legs = Array.from({ length: KILLS }, (_, index) => `leg${index}`)
    expect(readFileSync(journal, 'utf8').trim().split('\n')).toEqual(legs)
    const states = await server.states('voyage', runId)
    expect(states.map(({ state, try_number: tries }) => `${state} ${tries}`)).toEqual(legs.map(() => 'success 1'))
    expect(new Set(double.ecs.tasks().map(({ facts }) => facts.startedBy)).size).toBe(double.ecs.tasks().length)
  })
})
