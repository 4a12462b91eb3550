import { withFaults, type Fault, type FaultOptions } from '@fairlead/executor/faults'
import type { ExecutorHost } from '@fairlead/executor'
import { afterEach, expect, it } from 'vitest'
import type { Environment } from '../../packages/core/src/model/environment.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import { systemEnvironment } from '../../packages/core/src/processes/system-environment.ts'
import { chain, dagSpec, taskSpec } from '../../testkit/dag-specs.ts'
import { eventually } from '../../testkit/eventually.ts'
import { InstantExecutor } from '../../testkit/instant-executor.ts'
import { openWorld, type World } from '../../testkit/scheduler-world.ts'

const FASTER = 200
const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const KINDS: ReadonlyArray<Omit<FaultOptions, 'seed'>> = [
  { drop: 0.2 },
  { delay: 0.5, delayMs: 20_000 },
  { duplicate: 0.5 },
  { reorder: 0.5 },
  { crash: 0.3 },
  { lie: 0.5 },
  { drop: 0.1, delay: 0.2, duplicate: 0.2, reorder: 0.2, crash: 0.2, lie: 0.2 },
]

it.each(KINDS.map((faults) => [JSON.stringify(faults), faults] as const))(
  'every run ends, and no try is accepted twice, over an executor with %s',
  async (_, faults) => {
    const met: Fault[] = []
    const world = await worldWith({ ...faults, seed: 11, onFault: (fault) => met.push(fault) })
    await world.register(dagSpec('chained', chain(6)))
    await world.register(
      dagSpec(
        'wide',
        Array.from({ length: 20 }, (__, index) => taskSpec(`t${index}`)),
      ),
    )
    const runs = [await world.trigger('chained'), await world.trigger('wide'), await world.trigger('wide')]
    for (const runId of runs)
      await eventually(async () => ['success', 'failed'].includes((await world.runState(runId)) ?? ''), {
        timeoutMs: 60_000,
      })
    expect(met.length).toBeGreaterThan(0)
    expect(await acceptedTwice(world)).toEqual([])
    await eventually(async () => (await leases(world)) === 0, { timeoutMs: 60_000 })
  },
)

/** A scheduler in a hurry over an executor with faults. */
async function worldWith(options: FaultOptions): Promise<World> {
  const world = await openWorld({
    environment: hastyEnvironment(),
    times: { sweepMs: 5_000, queuedTimeoutMs: 60_000 },
    executors: (context, host) => {
      class Instant extends InstantExecutor {
        constructor(given: ExecutorHost) {
          super(given, () => context() satisfies MoveContext)
        }
      }
      const Faulty = withFaults(Instant, options)
      return [new Faulty(host('instant', 4))]
    },
  })
  cleanups.push(() => world.stop())
  world.start()
  return world
}

/** The real environment, with a clock that runs faster: sweeps have graces of half a minute. */
function hastyEnvironment(): Environment {
  const { clock, random, faults } = systemEnvironment()
  const begun = clock.now()
  const begunMonotonic = clock.monotonic()
  return {
    random,
    faults,
    clock: {
      now: () => Math.round(begun + (clock.monotonic() - begunMonotonic) * FASTER),
      monotonic: () => begunMonotonic + (clock.monotonic() - begunMonotonic) * FASTER,
      yield: () => clock.yield(),
      sleep: (ms, signal) => clock.sleep(ms / FASTER, signal),
    },
  }
}

/** Tries that the audit log shows settled more than once. */
async function acceptedTwice({ database }: World): Promise<readonly unknown[]> {
  return await database.read
    .selectFrom('audit_log')
    .select(['run_id', 'task_id', 'try_number', (eb) => eb.fn.countAll().as('times')])
    .where('event', '=', 'task_instance.state')
    .where('to_state', 'in', ['success', 'failed', 'skipped'])
    .groupBy(['run_id', 'task_id', 'map_index', 'try_number'])
    .having((eb) => eb.fn.countAll(), '>', 1)
    .execute()
}

async function leases({ database }: World): Promise<number> {
  return (await database.read.selectFrom('dispatch').select('dispatch_id').execute()).length
}
