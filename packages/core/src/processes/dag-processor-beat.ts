import { beatComponent, forgetSilentComponents } from '../db/queries/components.ts'
import type { Installation } from './installation.ts'

const FORGOTTEN_AFTER_MS = 86_400_000

/** Opens the note in the database by which APIs elsewhere know that this Dag processor lives; call it after each pass. */
export function openDagProcessorBeat({ database, environment, host }: Installation): () => Promise<void> {
  const { clock, random } = environment
  const component = {
    id: random.uuid(clock.now()),
    kind: 'dag_processor',
    hostname: host.hostname,
    pid: host.pid,
  } as const
  return () =>
    database.transaction(async (tx) => {
      const now = clock.now()
      await forgetSilentComponents(tx, component.kind, now - FORGOTTEN_AFTER_MS)
      await beatComponent(tx, component, now)
    })
}
