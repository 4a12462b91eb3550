/**
 * The names under which copies of the SDK, the parse child and the task child find one another in one process.
 * They are `Symbol.for` names, so that two installed copies agree.
 */

/** `globalThis` slot of the SDK's namespace object; a bundle reads its `fairlead` imports from it. */
export const SDK_SLOT: unique symbol = Symbol.for('fairlead.sdk')

/** `globalThis` slot of the list to which every constructed Dag adds itself. */
export const DAGS_SLOT: unique symbol = Symbol.for('fairlead.dags')

/** `globalThis` slot of the function that answers where the author's code called us; set only while parsing. */
export const LOCATE_SLOT: unique symbol = Symbol.for('fairlead.locate')

/** `globalThis` slot of the task's AsyncLocalStorage. */
export const CONTEXT_SLOT: unique symbol = Symbol.for('fairlead.context')

/** `globalThis` slot of what runs a Dag for `dag.test()`; the package `fairlead` sets it. */
export const TEST_DRIVER_SLOT: unique symbol = Symbol.for('fairlead.test-driver')

/** `globalThis` slot of the function through which a bundle loads packages with native code. */
export const REQUIRE_SLOT: unique symbol = Symbol.for('fairlead.require')

/** Brand of a Dag; its value is the Dag as runners see it. */
export const DAG_BRAND: unique symbol = Symbol.for('fairlead.dag')

/** Brand of a reference to a task's output. */
export const OUTPUT_BRAND: unique symbol = Symbol.for('fairlead.output')

/** Brand of errors whose meaning the runner must know; its value is `'fail'` or `'skip'`. */
export const TASK_ERROR_BRAND: unique symbol = Symbol.for('fairlead.task-error')

/** A `globalThis` slot's value, or undefined when nobody has set it. */
export function readSlot<T>(slot: symbol): T | undefined {
  return (globalThis as Record<symbol, unknown>)[slot] as T | undefined
}

/** Sets a `globalThis` slot. */
export function writeSlot(slot: symbol, value: unknown): void {
  ;(globalThis as Record<symbol, unknown>)[slot] = value
}
