import { EXECUTOR_BRAND, EXECUTOR_CONTRACT_VERSION, type Executor } from './executor.ts'
import type { ExecutorClass } from './executor-class.ts'
import { ExecutorError } from './executor-error.ts'
import { BASE_EXECUTOR_MARK, FINAL_MEMBERS } from './final-members.ts'

/** What dispatch calls. `BaseExecutor` has all but the first two. */
const REQUIRED_MEMBERS = [
  'sync',
  'executeAsync',
  'start',
  'heartbeat',
  'queueWorkload',
  'processWorkloads',
  'getEventBuffer',
  'acknowledgeEvents',
  'hasTask',
  'tryAdoptTaskInstances',
  'revokeTask',
  'sendCallback',
  'getTaskLog',
  'end',
  'terminate',
] as const

/** Refuses what is no executor class of this contract; the message names class, member and remedy. */
export function checkExecutorClass(candidate: unknown): asserts candidate is ExecutorClass {
  if (typeof candidate !== 'function' || !isObject(candidate.prototype)) {
    throw invalid(
      `${describe(candidate)} is not an executor: it is not a class. Export a class that extends BaseExecutor.`,
    )
  }
  const className = candidate.name === '' ? 'The anonymous class' : candidate.name
  const prototype = candidate.prototype
  checkVersion(className, prototype)
  const base = baseOf(prototype)
  for (const own of prototypesBelow(prototype, base)) refuseFinal(className, own, base)
  const required = REQUIRED_MEMBERS.filter((member) => member !== 'executeAsync' || base !== null)
  const missing = required.find((member) => typeof Reflect.get(prototype, member) !== 'function')
  if (missing !== undefined) {
    throw invalid(`${className} has no ${missing}(). Write it; every executor needs one.`)
  }
}

/** Refuses an instance that hides a final member behind a field, which its class alone does not show. */
export function checkExecutor(executor: Executor): void {
  refuseFinal(executor.constructor.name, executor, baseOf(executor))
}

function checkVersion(className: string, prototype: object): void {
  const version: unknown =
    Object.hasOwn(prototype, EXECUTOR_BRAND) || EXECUTOR_BRAND in prototype ? brandOf(prototype) : undefined
  if (version === undefined) {
    throw invalid(
      `${className} is not an executor: it lacks the executor brand. Extend BaseExecutor of @fairlead/executor.`,
    )
  }
  if (version !== EXECUTOR_CONTRACT_VERSION) {
    throw invalid(
      `${className} speaks executor contract ${JSON.stringify(version)}, and this Fairlead speaks ${EXECUTOR_CONTRACT_VERSION}. ` +
        'Install the release of @fairlead/executor that matches this Fairlead.',
    )
  }
}

function brandOf(prototype: object): unknown {
  return Reflect.get(prototype, EXECUTOR_BRAND)
}

/** The prototype of `BaseExecutor`, of whatever copy, or null for a class that implements `Executor` by itself. */
function baseOf(object: object): object | null {
  for (let current: object | null = object; current !== null; current = Reflect.getPrototypeOf(current)) {
    if (Object.hasOwn(current, BASE_EXECUTOR_MARK)) return current
  }
  return null
}

function prototypesBelow(prototype: object, base: object | null): readonly object[] {
  const below: object[] = []
  if (base === null) return below
  for (
    let current: object | null = prototype;
    current !== null && current !== base;
    current = Reflect.getPrototypeOf(current)
  ) {
    below.push(current)
  }
  return below
}

function refuseFinal(className: string, own: object, base: object | null): void {
  if (base === null) return
  const member = FINAL_MEMBERS.find((name) => Object.hasOwn(own, name))
  if (member !== undefined) {
    throw invalid(
      `${className} overrides ${member}, which is final in BaseExecutor: core relies on it. Remove or rename it.`,
    )
  }
  if (Object.hasOwn(own, EXECUTOR_BRAND)) {
    throw invalid(`${className} sets the executor brand itself, which belongs to BaseExecutor. Remove it.`)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function describe(value: unknown): string {
  return typeof value === 'function' ? value.name : typeof value
}

function invalid(message: string): ExecutorError {
  return new ExecutorError('EXECUTOR_CLASS_INVALID', message)
}
