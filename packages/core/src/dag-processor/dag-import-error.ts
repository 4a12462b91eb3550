import { z } from 'zod'

/** What is wrong with a Dag file beyond what the SDK itself refuses. */
export type DagFileErrorCode =
  | 'DAG_COMPILE_FAILED'
  | 'DAG_DYNAMIC_IMPORT'
  | 'DAG_IMPORT_TIMEOUT'
  | 'DAG_IMPORT_CRASHED'
  | 'DAG_SPEC_INVALID'
  | 'DAG_SCHEDULE_INVALID'
  | 'DAG_DATES_INVALID'
  | 'DAG_DUPLICATE'
  | 'EXECUTOR_NOT_FOUND'
  | 'EXECUTOR_CANNOT'
  | 'EXECUTOR_RUNTIME_EXCEEDED'
  | 'EXECUTOR_WORKLOAD_TOO_LARGE'
  | 'EXECUTOR_CONFIG_INVALID'

/** Why a Dag file could not be imported, with the author's file and line. */
export const dagImportErrorSchema = z.object({
  kind: z.enum(['compile', 'threw', 'author', 'timeout', 'exited', 'invalid']),
  /** Code of the mistake where it has one. */
  code: z.string().nullable(),
  message: z.string(),
  /** Relative to the Dags folder where it lies inside. */
  file: z.string().nullable(),
  line: z.int().nullable(),
  column: z.int().nullable(),
  stack: z.string().nullable(),
})
/** See {@link dagImportErrorSchema}. */
export type DagImportError = z.infer<typeof dagImportErrorSchema>

/** An import error in one line: `etl.ts:12: message`. */
export function describeImportError(error: DagImportError): string {
  const place = [error.file, error.line, error.column].filter((part) => part !== null).join(':')
  return place === '' ? error.message : `${place}: ${error.message}`
}
