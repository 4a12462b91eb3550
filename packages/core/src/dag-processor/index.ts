/** The Dag processor: reads a folder of Dag files, compiles them into bundles and reports their Dags. */
export { runDagProcessor } from './run-dag-processor.ts'
export type { DagSink } from './dag-sink.ts'
