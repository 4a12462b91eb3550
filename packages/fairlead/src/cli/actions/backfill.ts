import { connect, type ConnectOptions } from '../api-client.ts'
import { objectOption } from '../conf-option.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printData, printList, printOne, type Column, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** See BackfillResponse. */
interface BackfillRow {
  readonly id: number
  readonly dag_id: string
  readonly from_date: string
  readonly to_date: string
  readonly is_paused: boolean
  readonly completed_at: string | null
  readonly progress: Readonly<Record<string, number>>
}

/** See DryRunBackfillCollectionResponse. */
interface Forecast {
  readonly backfills: ReadonlyArray<{ readonly logical_date: string; readonly action: string }>
  readonly pools: ReadonlyArray<{ readonly pool: string; readonly slots: number | null; readonly needed: number }>
  readonly estimated_seconds: number | null
  readonly estimated_finish: string | null
}

/** What `backfill create` takes. */
export interface CreateOptions extends Options {
  readonly dagId: string
  readonly fromDate: string
  readonly toDate: string
  readonly dagRunConf?: string
  readonly maxActiveRuns: number
  readonly reprocessBehavior: string
  readonly runBackwards?: boolean
  readonly dryRun?: boolean
}

const BASE = '/api/v2/backfills'

/** `fairlead backfill create` */
export async function createBackfill(terminal: Terminal, options: CreateOptions): Promise<number> {
  const body = {
    dag_id: options.dagId,
    from_date: options.fromDate,
    to_date: options.toDate,
    dag_run_conf: objectOption('dag-run-conf', options.dagRunConf),
    max_active_runs: options.maxActiveRuns,
    reprocess_behavior: options.reprocessBehavior,
    run_backwards: options.runBackwards === true,
  }
  const api = await connect(terminal, options)
  if (options.dryRun === true) return showForecast(terminal, options, await api.send('POST', `${BASE}/dry_run`, body))
  await show(terminal, options, await api.send('POST', BASE, body))
  return EXIT_CODES.ok
}

/** `fairlead backfill list` */
export async function listBackfills(terminal: Terminal, options: Options & { dagId?: string }): Promise<number> {
  const api = await connect(terminal, options)
  const filter = options.dagId === undefined ? '' : `?dag_id=${encodeURIComponent(options.dagId)}`
  await printList(terminal, options, await api.list<BackfillRow>(`${BASE}${filter}`, 'backfills'), COLUMNS)
  return EXIT_CODES.ok
}

/** `fairlead backfill pause` */
export const pauseBackfill = changing('pause')
/** `fairlead backfill unpause` */
export const unpauseBackfill = changing('unpause')
/** `fairlead backfill cancel` */
export const cancelBackfill = changing('cancel')

function changing(change: string) {
  return async (terminal: Terminal, id: number, options: Options): Promise<number> => {
    const api = await connect(terminal, options)
    await show(terminal, options, await api.send('PUT', `${BASE}/${id}/${change}`, undefined))
    return EXIT_CODES.ok
  }
}

const COLUMNS: readonly Column<BackfillRow>[] = [
  { heading: 'id', text: ({ id }) => id },
  { heading: 'dag_id', text: ({ dag_id }) => dag_id },
  { heading: 'from', text: ({ from_date }) => from_date },
  { heading: 'to', text: ({ to_date }) => to_date },
  { heading: 'state', text: stateOf },
  { heading: 'progress', text: ({ progress }) => progressText(progress) },
]

async function show(terminal: Terminal, options: Options, row: BackfillRow): Promise<void> {
  if (options.output === 'table') await printList(terminal, options, [row], COLUMNS)
  else await printOne(terminal, options, { ...row })
}

function stateOf({ completed_at: completedAt, is_paused: isPaused, progress }: BackfillRow): string {
  if (completedAt !== null) return (progress['cancelled'] ?? 0) > 0 ? 'cancelled' : 'completed'
  return isPaused ? 'paused' : 'running'
}

function progressText(progress: BackfillRow['progress']): string {
  return Object.entries(progress)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')
}

async function showForecast(terminal: Terminal, options: Options, forecast: Forecast): Promise<number> {
  if (options.output !== 'table') {
    await printData(terminal, options.output, forecast)
    return EXIT_CODES.ok
  }
  await printList(terminal, options, forecast.backfills, [
    { heading: 'logical_date', text: (date) => date.logical_date },
    { heading: 'action', text: (date) => date.action },
  ])
  const runs = forecast.backfills.filter(({ action }) => action !== 'skip').length
  terminal.out(`\n${runs} runs, ${forecast.backfills.length - runs} dates skipped\n`)
  for (const { pool, slots, needed } of forecast.pools) {
    terminal.out(`pool ${pool}: takes up to ${needed} slots of ${slotsText(slots)}\n`)
  }
  terminal.out(`${finishText(forecast)}\n`)
  return EXIT_CODES.ok
}

function slotsText(slots: number | null): string {
  if (slots === null) return 'a pool that does not exist'
  return slots === -1 ? 'as many as there are' : String(slots)
}

function finishText({ estimated_seconds: seconds, estimated_finish: finish }: Forecast): string {
  if (seconds === null) return 'no run has succeeded yet that would say how long it takes'
  return `would finish about ${finish}, after ${Math.round(seconds)} s, by the median of earlier runs`
}
