import { createHash } from 'node:crypto'

/** Which log: one file for each try. */
export interface LogIdentity {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
  readonly tryNumber: number
}

/** Path of a try's log below the log folder, in Airflow's layout. Any id gives a legal path, and no two the same. */
export function logPathOf({ dagId, runId, taskId, mapIndex, tryNumber }: LogIdentity): string {
  const map = mapIndex < 0 ? [] : [`map_index=${mapIndex}`]
  const folders = [segment('dag_id', dagId), segment('run_id', runId), segment('task_id', taskId), ...map]
  return [...folders, `attempt=${tryNumber}.log`].join('/')
}

const LONGEST_BYTES = 200

// File names may have 255 bytes; a longer or unusual id is cut and told apart by a hash.
function segment(name: string, id: string): string {
  const plain = id.replaceAll(/[^\p{L}\p{N}_.:+-]/gu, '_')
  if (plain === id && Buffer.byteLength(plain) <= LONGEST_BYTES) return `${name}=${plain}`
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 12)
  return `${name}=${cutTo(plain, LONGEST_BYTES)}~${hash}`
}

function cutTo(text: string, bytes: number): string {
  return Buffer.from(text)
    .subarray(0, bytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
}
