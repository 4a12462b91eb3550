/** For those who parse and run Dag files; authors import the package itself. */
export { authoredDag } from './dag.ts'
export type { AuthoredDag } from './dag.ts'
export { runInTask } from './context.ts'
export type { TaskRuntime } from './context.ts'
export { requestOf } from './errors.ts'
export { jsonProblem } from './json.ts'
export { shellInputVariable } from './shell-input.ts'
export * from './symbols.ts'
