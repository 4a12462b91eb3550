import type { DagTestDriver } from '@fairlead/sdk/runtime'
import { TEST_DRIVER_SLOT, writeSlot } from '@fairlead/sdk/runtime'

/** Runs a Dag for `dag.test()`. The server is loaded only when somebody calls it. */
const driver: DagTestDriver = async (...call) => (await import('./test-dag.ts')).testDag(...call)

writeSlot(TEST_DRIVER_SLOT, driver)
