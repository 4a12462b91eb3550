import type { ExecutorStore } from '@fairlead/executor'
import type { Database } from '../db/database.ts'
import { deleteExecutorRow, listExecutorRows, readExecutorRow, writeExecutorRow } from '../db/queries/executor-rows.ts'

/** An executor's own rows, which nobody else sees. Values are JSON. */
export function executorStore(database: Database, executor: string): ExecutorStore {
  return {
    get: (key) => database.transaction((tx) => readExecutorRow(tx, executor, key)),
    set: (key, value) => database.transaction((tx) => writeExecutorRow(tx, { executor, key, value })),
    delete: (key) => database.transaction((tx) => deleteExecutorRow(tx, executor, key)),
    list: (prefix) => database.transaction((tx) => listExecutorRows(tx, executor, prefix)),
  }
}
