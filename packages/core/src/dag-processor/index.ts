/** The Dag processor: reads a folder of Dag files, compiles them into bundles and reports their Dags. */
export { runDagProcessor } from './run-dag-processor.ts'
export type { DagProcessorLoopOptions } from './run-dag-processor.ts'
export { DagProcessor } from './dag-processor.ts'
export type { DagPass, DagProcessorLog, DagProcessorOptions } from './dag-processor.ts'
export type { DagFileRef, DagSink } from './dag-sink.ts'
export { describeImportError } from './dag-import-error.ts'
export type { DagImportError } from './dag-import-error.ts'
export { validateDag } from './validate-dag.ts'
