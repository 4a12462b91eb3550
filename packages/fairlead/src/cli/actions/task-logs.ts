import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { taskInstancePath, type TaskInstanceRow } from '../api-shapes.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import type { OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** What `tasks logs` takes. */
export interface LogOptions extends OutputOptions, ConnectOptions {
  readonly try?: string
  readonly follow?: boolean
}

/** `fairlead tasks logs` */
export async function taskLogs(
  terminal: Terminal,
  ...[dagId, runId, taskId, options]: [dagId: string, runId: string, taskId: string, options: LogOptions]
): Promise<number> {
  const api = await connect(terminal, options)
  const ids = { dagId, runId, taskId }
  const tryNumber = await tryOf(api, ids, options.try)
  const query = options.follow === true ? '?follow=true' : ''
  for await (const line of api.lines(taskInstancePath(ids, `/logs/${tryNumber}${query}`))) {
    if (line !== '') terminal.out(options.output === 'table' ? textOf(line) : `${line}\n`)
  }
  return EXIT_CODES.ok
}

async function tryOf(
  api: ApiClient,
  ids: Parameters<typeof taskInstancePath>[0],
  wanted: string | undefined,
): Promise<number> {
  if (wanted !== undefined) {
    if (/^[1-9]\d*$/.test(wanted)) return Number(wanted)
    throw new CliError(EXIT_CODES.usage, `--try must be a number from 1, and is "${wanted}".`)
  }
  const row = await api.get<TaskInstanceRow>(taskInstancePath(ids))
  if (row.try_number > 0) return row.try_number
  throw new CliError(
    EXIT_CODES.notFound,
    `Task "${ids.taskId}" has not started, so it has no log. \`fairlead tasks explain\` says what it waits for.`,
  )
}

interface Entry {
  readonly timestamp?: string
  readonly level?: string
  readonly event?: string
  readonly logger?: string
  readonly [field: string]: unknown
}

function textOf(line: string): string {
  const { timestamp, level, event, logger, ...fields } = JSON.parse(line) as Entry
  const facts = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)}`,
  )
  const isPlain = logger === 'task.stdout' || logger === 'task.stderr'
  const head = [timestamp?.slice(0, 23), isPlain ? '' : level?.toUpperCase()].filter(
    (part) => part !== undefined && part !== '',
  )
  return `${[...head, event ?? ''].join(' ')}${facts.join('')}\n`
}
