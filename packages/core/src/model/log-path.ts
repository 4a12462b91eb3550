import { UNMAPPED } from '@fairlead/protocol'

/** A try, as far as its log's place depends on it. */
export interface LoggedTry {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
}

/** Path of a try's log below the log folder, with `/` between its parts (Airflow's layout). Safe for any ids. */
export function logPathOf({ dagId, runId, taskId, mapIndex, tryNumber }: LoggedTry): string {
  return [
    `dag_id=${folderName(dagId)}`,
    `run_id=${folderName(runId)}`,
    `task_id=${folderName(taskId)}`,
    ...(mapIndex === UNMAPPED ? [] : [`map_index=${mapIndex}`]),
    `attempt=${tryNumber}.log`,
  ].join('/')
}

const MAX_BYTES = 200
const KEPT_CHARACTERS = 40
// Separators, control characters and what some file systems refuse.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[/\\:*?"<>|\u0000-\u001f]/g

// Half a surrogate pair; under the `u` flag a whole one does not match.
const BROKEN = /[\ud800-\udfff]/gu

/** File systems allow 255 bytes a name; a longer id keeps its beginning and gets a hash that keeps it apart. */
function folderName(id: string): string {
  const safe = id.replace(UNSAFE, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
  const whole = safe.replace(BROKEN, '_')
  if (whole === safe && new TextEncoder().encode(safe).length <= MAX_BYTES) return safe
  return `${[...whole].slice(0, KEPT_CHARACTERS).join('')}~${hash53(id).toString(36)}`
}

/** A 53-bit hash (cyrb53): enough to keep apart the ids of one folder. */
function hash53(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return 4294967296 * (2097151 & low) + (high >>> 0)
}
