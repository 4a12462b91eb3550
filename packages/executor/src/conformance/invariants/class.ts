import { existsSync } from 'node:fs'
import { capabilitiesOf, DEFAULT_CAPABILITIES } from '../../capabilities.ts'
import { checkExecutor, checkExecutorClass } from '../../check-executor.ts'
import { BASE_EXECUTOR_MARK } from '../../final-members.ts'
import type { StandardSchema } from '../../standard-schema.ts'
import type { Invariant } from '../invariant.ts'
import { demand, demandEqual } from '../violation.ts'
import { heldResources } from './held-resources.ts'

/** What core reads of a class, and of an instance that it never starts. */
export const classInvariants: readonly Invariant[] = [
  {
    id: 'FX-101',
    sentence:
      'The class bears the brand and the version of the contract, has every member, and overrides no final one.',
    level: 'live-safe',
    sources: ['contract'],
    async check(trial) {
      checkExecutorClass(trial.executorClass)
      checkExecutor((await trial.stand()).construct())
    },
  },
  {
    id: 'FX-102',
    sentence: 'Making an instance has no effect: it connects to nothing, writes nothing, says nothing, keeps no timer.',
    level: 'live-safe',
    sources: ['contract', 'W24'],
    isAlone: true,
    async check(trial) {
      const runFolder = `${trial.laboratory.newFolder()}/run`
      const stand = await trial.stand({ runFolder })
      const before = heldResources()
      stand.construct()
      const more = heldResources().filter((resource) => !before.includes(resource))
      demandEqual(more, [], 'What the constructor left open')
      demandEqual(stand.record.reported.length, 0, 'The number of events that the constructor reported')
      demandEqual(stand.record.written.length, 0, 'The number of rows that the constructor wrote')
      demand(!existsSync(runFolder), 'The constructor made its run folder.')
    },
  },
  {
    id: 'FX-103',
    sentence: 'A new instance holds nothing, and bears the name and the parallelism that it was given.',
    level: 'live-safe',
    sources: ['8.1 #2', 'contract'],
    async check(trial) {
      const executor = (await trial.stand({ name: 'a-name', parallelism: 7 })).construct()
      const { name, parallelism, slotsOccupied, slotsAvailable } = executor
      const slots = trial.executorClass.isSingleThreaded ? 1 : 7
      demandEqual(
        { name, parallelism, slotsOccupied, slotsAvailable, events: executor.getEventBuffer().length },
        { name: 'a-name', parallelism: slots, slotsOccupied: 0, slotsAvailable: slots, events: 0 },
        'A new instance',
      )
      demand(!executor.hasTask(trial.stranger().dispatchId), 'A new instance holds a workload that nobody gave it.')
    },
  },
  {
    id: 'FX-104',
    sentence: 'A parallelism that is no whole number of 1 or more is refused, by the name of the executor.',
    level: 'live-safe',
    sources: ['8.1 #1'],
    async check(trial) {
      for (const parallelism of [0, -1, 1.5, Number.NaN]) {
        const stand = await trial.stand({ name: 'too-few', parallelism })
        const message = messageOf(() => stand.construct())
        demand(message !== null, `A parallelism of ${parallelism} was accepted.`)
        demand(message.includes('too-few'), `The refusal of parallelism ${parallelism} does not name it: ${message}`)
      }
    },
  },
  {
    id: 'FX-105',
    sentence: 'A setting that the class does not know is refused, and not passed over in silence.',
    level: 'live-safe',
    sources: ['13.6 #15', 'providers 12.10'],
    claims: ['settingsSchema'],
    check: (trial) => demandRefusal(trial.executorClass.configSchema, trial.subject.settings ?? {}),
  },
  {
    id: 'FX-106',
    sentence: 'Validating settings changes nothing, and gives the same again.',
    level: 'live-safe',
    sources: ['13.6 #15'],
    claims: ['settingsSchema'],
    async check(trial) {
      const settings = trial.subject.settings ?? {}
      const before = JSON.stringify(settings)
      const [first, second] = [await trial.settings(), await trial.settings()]
      demandEqual(second, first, 'The result of a second validation')
      demand(JSON.stringify(settings) === before, 'The settings are others after the validation.')
    },
  },
  {
    id: 'FX-107',
    sentence: 'An executorConfig with a key that the class does not know is refused.',
    level: 'live-safe',
    sources: ['13.6 #15', 'providers 12.10'],
    claims: ['executorConfigSchema'],
    check: (trial) => demandRefusal(trial.executorClass.executorConfigSchema, trial.subject.executorConfig ?? {}),
  },
  {
    id: 'FX-108',
    sentence: 'Every static fact has the type that core expects of it.',
    level: 'live-safe',
    sources: ['8.1 #2'],
    async check({ executorClass }) {
      const facts = capabilitiesOf(executorClass)
      for (const [name, value] of Object.entries(DEFAULT_CAPABILITIES)) {
        const stated: unknown = Reflect.get(facts, name)
        if (typeof value === 'boolean') demandEqual(typeof stated, 'boolean', `The type of ${name}`)
      }
      for (const limit of [facts.maxRuntimeMs, facts.maxPayloadBytes])
        demand(limit === null || (Number.isFinite(limit) && limit > 0), `The limit ${limit} is not a number above 0.`)
    },
  },
  {
    id: 'FX-109',
    sentence: 'What it claims to do it has a member for.',
    level: 'live-safe',
    sources: ['contract', '8.6 #113'],
    async check({ executorClass }) {
      const facts = capabilitiesOf(executorClass)
      const claimed = [
        [facts.supportsAdoption, 'supportsAdoption', 'tryAdoptTaskInstances'],
        [facts.supportsCancel, 'supportsCancel', 'revokeTask'],
        [facts.servesLiveLogs, 'servesLiveLogs', 'getTaskLog'],
      ] as const
      for (const [isClaimed, fact, member] of claimed)
        demand(!isClaimed || overrides(executorClass, member), `It says ${fact}, and has no ${member}() of its own.`)
    },
  },
  {
    id: 'FX-110',
    sentence: 'Its routes, commands and views are well-formed, and made without an instance.',
    level: 'live-safe',
    sources: ['contract'],
    async check({ executorClass }) {
      const routes = executorClass.getApiRoutes?.() ?? []
      const commands = executorClass.getCliCommands?.() ?? []
      const views = executorClass.getUiViews?.() ?? []
      for (const { path } of routes) demand(path.startsWith('/'), `The route "${path}" does not begin with a slash.`)
      demandUnique(
        'route',
        routes.map(({ method, path }) => `${method} ${path}`),
      )
      demandUnique(
        'command group',
        commands.map(({ name }) => name),
      )
      demandUnique(
        'view',
        views.map(({ id }) => id),
      )
    },
  },
  {
    id: 'FX-111',
    sentence: 'An instance that was never started says of an unknown task that there is no log, or streams one.',
    level: 'live-safe',
    sources: ['8.1 #3', 'W24', '13.6 #19'],
    async check(trial) {
      const stand = await trial.stand()
      const executor = stand.construct()
      const log = await stand.calls.make('getTaskLog', () => executor.getTaskLog(trial.stranger(), 1))
      demand(log === null || Symbol.asyncIterator in log, 'getTaskLog() answered neither null nor a stream.')
    },
  },
  {
    id: 'FX-112',
    sentence: 'An instance that was never started can be ended, gracefully and by force.',
    level: 'live-safe',
    sources: ['contract'],
    async check(trial) {
      for (const how of ['end', 'terminate'] as const) {
        const stand = await trial.stand()
        stand.construct()
        if (how === 'end') await stand.end(AbortSignal.timeout(1000))
        else await stand.terminate()
      }
    },
  },
  {
    id: 'FX-113',
    sentence: 'Two instances of the class share nothing: what one is handed, the other neither holds nor reports.',
    level: 'full',
    sources: ['8.2 #42', '13.6 #25'],
    async check(trial) {
      const [one, other] = [await trial.open({ name: 'one' }), await trial.open({ name: 'other', isServed: false })]
      const workload = await trial.mint('hold')
      one.submit(workload)
      await trial.began(one, workload)
      demand(!other.executor.hasTask(workload.taskInstance.dispatchId), 'The other instance holds it too.')
      demandEqual(other.executor.slotsOccupied, 0, 'slotsOccupied of the other instance')
      await trial.laboratory.release(workload)
      await one.ended(workload)
      demandEqual(other.record.reported.length, 0, 'The number of events that the other instance reported')
    },
  },
]

/** True when the class, or an ancestor of it below `BaseExecutor`, writes the member itself. */
function overrides(executorClass: object, member: string): boolean {
  let current = Reflect.get(executorClass, 'prototype') as object | null
  while (current !== null && !Object.hasOwn(current, BASE_EXECUTOR_MARK)) {
    if (Object.hasOwn(current, member)) return true
    current = Reflect.getPrototypeOf(current)
  }
  return false
}

async function demandRefusal(schema: StandardSchema | null, valid: unknown): Promise<void> {
  if (schema === null) return
  const given = { ...(valid as object), [UNKNOWN_KEY]: 1 }
  const result = await schema['~standard'].validate(given)
  demand(result.issues !== undefined, `The key "${UNKNOWN_KEY}" was accepted.`)
}

const UNKNOWN_KEY = 'noSuchSettingAnywhere'

function demandUnique(what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  demand(twice === undefined, `It has two ${what}s "${twice}".`)
}

/** What a call throws, or null when it answers. */
function messageOf(call: () => unknown): string | null {
  try {
    call()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
