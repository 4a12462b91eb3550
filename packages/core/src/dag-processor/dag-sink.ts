import type { DagSpec } from '@fairlead/protocol'
import type { DagImportError } from './dag-import-error.ts'

/** A Dag file of a bundle: `file` is its path in the Dags folder. */
export interface DagFileRef {
  readonly bundleName: string
  readonly file: string
}

/** Where the Dag processor reports what it read. Each call is complete in itself and may be repeated. */
export interface DagSink {
  /** The file holds these Dags and no others; an import error it had is gone. */
  registerDagFile(input: DagFileRef & { readonly hash: string; readonly dags: readonly DagSpec[] }): Promise<unknown>
  /** The file could not be imported. Dags that it held stay as they were last read. */
  recordImportError(input: DagFileRef & { readonly error: DagImportError }): Promise<unknown>
  /** The file is gone, or holds no Dag any more. */
  forgetFile(input: DagFileRef): Promise<unknown>
  /** Every file that has Dags or an import error on record, so that those deleted meanwhile can be forgotten. */
  knownFiles(bundleName: string): Promise<readonly string[]>
}
