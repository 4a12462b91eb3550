/** The Dag processor: reads a folder of Dag files, compiles them into bundles and reports their Dags. */
export { runDagProcessor } from './run-dag-processor.ts'
export type { DagSink } from './dag-sink.ts'
export { describeImportError } from './dag-import-error.ts'
export { OneFileReader } from './read-one-file.ts'
export { scanDagsFolder } from './scan-dags-folder.ts'
