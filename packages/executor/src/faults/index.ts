export { FAULT_KINDS, type Fault, type FaultKind, type FaultOptions } from './fault-options.ts'
export { InjectedFault, withFaults } from './with-faults.ts'
