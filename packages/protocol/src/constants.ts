/** The part of the protocol without zod: what a task's child process may load. */
export * from './states.ts'
export * from './trigger-rules.ts'
export * from './exits.ts'
export * from './runtime.ts'
export * from './executor-needs.ts'
export * from './sensitive-names.ts'
export * from './limits.ts'
