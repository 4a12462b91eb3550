/** A laboratory for the conformance kit of `@fairlead/executor`: the real API around the executor under trial. */
export { openLaboratory, type LaboratoryOptions } from './laboratory.ts'
