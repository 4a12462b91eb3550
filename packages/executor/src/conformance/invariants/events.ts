import type { BufferedEvent, ExecutorEvent } from '../../executor.ts'
import type { Invariant } from '../invariant.ts'
import type { Stand } from '../stand.ts'
import type { Trial } from '../trial.ts'
import { demand, demandEqual } from '../violation.ts'

/** The inbox of dispatch: peek, commit, acknowledge. */
export const eventInvariants: readonly Invariant[] = [
  {
    id: 'FX-401',
    sentence: 'An event that is not acknowledged is seen again, at the same place and in the same order.',
    level: 'full',
    sources: ['W8', '8.5 #98', '8.5 #99'],
    async check(trial) {
      const { stand } = await bufferedEnds(trial)
      const first = JSON.stringify(stand.executor.getEventBuffer())
      const second = JSON.stringify(stand.executor.getEventBuffer())
      demand(first !== '[]', 'The buffer is empty, and nothing was acknowledged.')
      demand(first === second, `A second look shows ${second}, and the first showed ${first}.`)
    },
  },
  {
    id: 'FX-402',
    sentence: 'An event that is acknowledged never comes back, and those behind it stay.',
    level: 'full',
    sources: ['W8', '8.5 #98'],
    async check(trial) {
      const { stand } = await bufferedEnds(trial)
      const { executor } = stand
      const all = executor.getEventBuffer().map(({ place }) => place)
      const [first] = all
      if (first === undefined) return
      executor.acknowledgeEvents(first)
      demandEqual(placesOf(executor.getEventBuffer()), all.slice(1), 'The places after the first was acknowledged')
      executor.acknowledgeEvents(all.at(-1) ?? first)
      await stand.linger()
      demandEqual(executor.getEventBuffer(), [], 'The buffer after all were acknowledged')
    },
  },
  {
    id: 'FX-403',
    sentence: 'Places rise, and what was handed out does not change under its reader.',
    level: 'full',
    sources: ['contract'],
    async check(trial) {
      const { stand } = await bufferedEnds(trial)
      const seen = stand.executor.getEventBuffer()
      const before = JSON.stringify(seen)
      const places = placesOf(seen)
      demand(
        places.every((place, index) => index === 0 || place > (places[index - 1] ?? place)),
        `The places do not rise: ${places.join(', ')}.`,
      )
      const more = await trial.mint('succeed')
      stand.submit(more)
      await endInBuffer(stand, more.taskInstance.dispatchId)
      stand.executor.acknowledgeEvents(places.at(-1) ?? 0)
      demand(JSON.stringify(seen) === before, 'An array of events changed after it was handed out.')
    },
  },
  {
    id: 'FX-404',
    sentence: 'A database that is down while a task ends loses no event.',
    level: 'full',
    sources: ['W8', '8.5 #98'],
    async check(trial) {
      const { stand, workloads } = await bufferedEnds(trial)
      stand.isDatabaseDown = false
      await stand.allEnded(workloads)
    },
  },
  {
    id: 'FX-405',
    sentence: 'Each event wakes the host: an end is heard of without a poll.',
    level: 'full',
    sources: ['contract', 'core 9.1 a'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      await stand.ended(workload)
      const told = stand.record.reported.map(({ kind }) => kind)
      demandEqual(
        told,
        stand.recorded.map(({ kind }) => kind),
        'The events that were reported to the host, against those of the buffer',
      )
    },
  },
  {
    id: 'FX-406',
    sentence: 'Of one dispatch the end comes last, and nothing is said twice.',
    level: 'full',
    sources: ['contract', '8.2 #46', '8.2 #49'],
    async check(trial) {
      const stand = await trial.open()
      const workloads = [...(await trial.laboratory.mint('succeed', 3)), await trial.mint('fail')]
      stand.submit(...workloads)
      await stand.allEnded(workloads)
      await stand.linger()
      for (const workload of workloads) {
        const kinds = stand.eventsOf(workload).map(({ kind }) => kind)
        demandEqual(kinds.indexOf('ended'), kinds.length - 1, `The place of the end in ${kinds.join(', ')}`)
        demand(kinds.filter((kind) => kind === 'running').length <= 1, `It runs twice: ${kinds.join(', ')}.`)
      }
    },
  },
  {
    id: 'FX-407',
    sentence: 'A dispatch has one external id at most, and keeps it.',
    level: 'full',
    sources: ['13.6 #1', '8.5 #85'],
    async check(trial) {
      const stand = await trial.open()
      const workload = await trial.mint('succeed')
      stand.submit(workload)
      await stand.ended(workload)
      const ids = new Set(stand.eventsOf(workload).flatMap(({ externalId }) => externalId ?? []))
      demand(ids.size <= 1, `It has the external ids ${[...ids].join(', ')}.`)
      const isPreAssigned = trial.executorClass.preAssignsExternalExecutorId
      demand(!isPreAssigned || ids.has(workload.taskInstance.dispatchId), 'Its external id is not its dispatch id.')
    },
  },
  {
    id: 'FX-408',
    sentence: 'It speaks of no dispatch that it was not handed.',
    level: 'full',
    sources: ['8.2 #49', 'core 9.1 b'],
    async check(trial) {
      const stand = await trial.open()
      const workloads = await trial.laboratory.mint('succeed', 3)
      stand.submit(...workloads)
      await stand.allEnded(workloads)
      const known = new Set<string>(workloads.map(({ taskInstance }) => taskInstance.dispatchId))
      const strange = stand.record.reported.filter(({ dispatchId }) => !known.has(dispatchId))
      demandEqual(strange, [], 'Events of other dispatches')
    },
  },
]

/** Runs two tasks to their ends while the database is down, so that every event stays in the buffer. */
async function bufferedEnds(trial: Trial) {
  const stand = await trial.open()
  stand.isDatabaseDown = true
  const workloads = [await trial.mint('succeed'), await trial.mint('fail')]
  stand.submit(...workloads)
  for (const { taskInstance } of workloads) await endInBuffer(stand, taskInstance.dispatchId)
  return { stand, workloads }
}

async function endInBuffer(stand: Stand, dispatchId: string): Promise<void> {
  const isEnd = (event: ExecutorEvent): boolean => event.kind === 'ended' && event.dispatchId === dispatchId
  await stand.until('the end of the workload is in the buffer', () => {
    if (stand.executor.getEventBuffer().some(({ event }) => isEnd(event))) return true
    demand(!stand.record.reported.some(isEnd), 'The host was told of an end that is in the buffer no more.')
    return false
  })
}

function placesOf(events: readonly BufferedEvent[]): readonly number[] {
  return events.map(({ place }) => place)
}
