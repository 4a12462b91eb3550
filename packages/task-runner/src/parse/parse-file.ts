import type { DagSpec } from '@fairlead/protocol'
import { LOCATE_SLOT, writeSlot } from '@fairlead/sdk/runtime'
import { loadBundle } from '../load-bundle.ts'
import { locateCaller } from './author-position.ts'
import { parseErrorOf } from './parse-error.ts'
import type { ParseError, ParseReply, ParseRequest } from './messages.ts'

/** Imports one compiled Dag file and answers its Dags as data, or the author's mistake. */
export async function parseFile(request: ParseRequest): Promise<ParseReply> {
  writeSlot(LOCATE_SLOT, () => locateCaller(request.dagsFolder))
  const overdue = timeoutAfter(request.timeoutMs)
  try {
    const dags = await Promise.race([readDags(request), overdue.promise])
    if (dags === 'overdue') return { kind: 'failed', id: request.id, error: unfinishedAwait(request), isFinal: true }
    return { kind: 'parsed', id: request.id, dags }
  } catch (error) {
    return { kind: 'failed', id: request.id, error: parseErrorOf(error, request), isFinal: false }
  } finally {
    overdue.clear()
    writeSlot(LOCATE_SLOT, undefined)
  }
}

async function readDags(request: ParseRequest): Promise<DagSpec[]> {
  const dags = await loadBundle(request.bundlePath)
  return dags.map((dag) => dag.toSpec())
}

function unfinishedAwait(request: ParseRequest): ParseError {
  return {
    kind: 'timeout',
    code: 'DAG_IMPORT_TIMEOUT',
    message:
      `The file did not finish importing within ${request.timeoutMs} ms; a top-level await is still waiting. ` +
      'Move what it waits for into a task.',
    file: request.file,
    line: null,
    column: null,
    stack: null,
  }
}

function timeoutAfter(timeoutMs: number): { promise: Promise<'overdue'>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<'overdue'>((resolve) => {
    timer = setTimeout(() => resolve('overdue'), timeoutMs)
  })
  return { promise, clear: () => clearTimeout(timer) }
}
