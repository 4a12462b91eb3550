import { RETURN_VALUE_KEY } from '@fairlead/protocol/constants'
import type { JsonValue, TaskLog } from '@fairlead/sdk'
import type { TaskRuntime } from '@fairlead/sdk/runtime'
import type { TaskStart, XComPlace } from '../ipc.ts'
import type { HostLink } from './host-link.ts'
import type { TaskAbort } from './task-abort.ts'
import { connectionReader, maskSecrets, variableClient } from './secrets.ts'
import { accept } from './accept-reply.ts'
import { toJson } from './to-json.ts'

/** What `getContext()` and `getClient()` answer inside one task. */
export function taskRuntime(
  task: TaskStart,
  { host, abort, log }: { host: HostLink; abort: TaskAbort; log: TaskLog },
): TaskRuntime {
  return {
    context: taskContext(task, abort, log),
    xcom: xcomClient(task, host),
    variables: variableClient(host, process.env),
    connection: connectionReader(host, process.env),
    maskSecret: (secret) => maskSecrets(host, [secret]),
  }
}

/** Reads XComs through the host; null for one that does not exist. */
export function xcomReader(host: HostLink): (address: XComPlace) => Promise<unknown> {
  return async (address) => {
    const reply = await host.ask((id) => ({ kind: 'xcomGet', id, address }))
    if (reply.kind === 'found') return reply.value
    return accept(reply, `read XCom "${address.key}"`)
  }
}

function taskContext(task: TaskStart, abort: TaskAbort, log: TaskLog): TaskRuntime['context'] {
  const { run } = task
  const conf = (run.conf ?? {}) as Readonly<Record<string, JsonValue>>
  const hasInterval = run.data_interval_start !== null && run.data_interval_end !== null
  return {
    dagId: task.dagId,
    runId: task.runId,
    taskId: task.taskId,
    mapIndex: task.mapIndex,
    tryNumber: task.tryNumber,
    logicalDate: run.logical_date === null ? null : new Date(run.logical_date),
    dataInterval: hasInterval ? { start: dateOf(run.data_interval_start), end: dateOf(run.data_interval_end) } : null,
    conf,
    params: conf,
    traceparent: task.traceparent,
    get signal() {
      return abort.signal
    },
    log,
  }
}

function xcomClient(task: TaskStart, host: HostLink): TaskRuntime['xcom'] {
  const read = xcomReader(host)
  return {
    async push(key, value) {
      const json = toJson(value, `XCom "${key}" of task "${task.taskId}"`)
      accept(await host.ask((id) => ({ kind: 'xcomSet', id, key, json })), `write XCom "${key}"`)
    },
    async pull<T>(address: Parameters<TaskRuntime['xcom']['pull']>[0]) {
      return (await read(placeOf(address))) as T | null
    },
    async delete(address) {
      const place = placeOf(address)
      accept(await host.ask((id) => ({ kind: 'xcomDelete', id, address: place })), `delete XCom "${place.key}"`)
    },
  }
}

function placeOf({ key, taskId, runId, dagId, mapIndex }: Parameters<TaskRuntime['xcom']['pull']>[0]): XComPlace {
  return {
    key: key ?? RETURN_VALUE_KEY,
    taskId: taskId ?? null,
    runId: runId ?? null,
    dagId: dagId ?? null,
    mapIndex: mapIndex ?? null,
  }
}

function dateOf(text: string | null): Date {
  return new Date(text ?? Number.NaN)
}
