import { inspect } from 'node:util'
import type { TestRunWatcher } from '@fairlead/core'
import type { TaskLog } from '@fairlead/sdk'

/** Tells a terminal how a test run goes: a line for each change that matters and for each record of a log. */
export function terminalWatcher(write: (text: string) => void): TestRunWatcher & { logOf(taskId: string): TaskLog } {
  return {
    onState({ taskId, mapIndex, state, tryNumber, durationMs }) {
      if (QUIET_STATES.has(state)) return
      const name = nameOf({ taskId, mapIndex })
      const again = tryNumber > 1 ? ` (try ${tryNumber})` : ''
      const took = durationMs === null || state === 'running' ? '' : ` in ${(durationMs / 1000).toFixed(2)} s`
      write(`${name} ${state}${again}${took}\n`)
    },
    onLog(taskId, line) {
      const { level, event, logger, ...fields } = recordOf(line)
      // What a supervisor says of an orderly start and end is said already.
      if (logger === 'supervisor' && level === 'info') return
      write(recordText(taskId, level, event, fields))
    },
    onHeld(task, why) {
      write(`${nameOf(task)} waits: ${why}\n`)
    },
    logOf(taskId) {
      const at =
        (level: string) =>
        (event: string, fields: Record<string, unknown> = {}): void =>
          write(recordText(taskId, level, event, fields))
      return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
    },
  }
}

function nameOf({ taskId, mapIndex }: { taskId: string; mapIndex: number }): string {
  return mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`
}

const QUIET_STATES: ReadonlySet<string> = new Set(['none', 'scheduled', 'queued'])

interface LogRecord {
  readonly level: string
  readonly event: string
  readonly logger: string | null
  readonly [field: string]: unknown
}

function recordOf(line: string): LogRecord {
  try {
    const { timestamp: _, ...record } = JSON.parse(line) as Record<string, unknown>
    const { level, event, logger } = record
    return { ...record, level: String(level), event: String(event), logger: typeof logger === 'string' ? logger : null }
  } catch {
    // A worker may write its log as it likes; it is shown as it is.
    return { level: 'info', event: line, logger: null }
  }
}

function recordText(taskId: string, level: string, event: string, fields: Record<string, unknown>): string {
  const { stack, ...facts } = fields
  const named = Object.entries(facts).map(([name, value]) => ` ${name}=${inspect(value, { breakLength: Infinity })}`)
  const frames = typeof stack === 'string' ? `\n${stack.replaceAll(/^/gm, '    ')}` : ''
  const said = level === 'info' ? '' : `${level}: `
  return `[${taskId}] ${said}${event}${named.join('')}${frames}\n`
}
