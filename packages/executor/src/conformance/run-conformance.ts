import { checkExecutorClass } from '../check-executor.ts'
import type { ExecutorClass } from '../executor-class.ts'
import { EXECUTOR_CONTRACT_VERSION } from '../executor.ts'
import { CLAIMS, claimsOf } from './claims.ts'
import type { FutureInvariant, Invariant, Level } from './invariant.ts'
import { NotRun, Violation } from './violation.ts'
import { FUTURE_INVARIANTS, INVARIANTS } from './invariants/index.ts'
import type { Laboratory } from './laboratory.ts'
import { countOutcomes, type ConformanceReport, type InvariantResult, type Outcome } from './report.ts'
import type { BringsHooks, ConformanceHooks, Subject } from './subject.ts'
import { Trial } from './trial.ts'

/** How a run of the kit is made. */
export interface ConformanceOptions {
  readonly subject: Subject
  readonly laboratory: Laboratory
  readonly level?: Level
  /** How long something that must happen may take, in milliseconds; default 30 s. */
  readonly patienceMs?: number
  /** How long a call into the executor may take, in milliseconds; default as long as anything else. */
  readonly callPatienceMs?: number
  /** How many workloads the invariant about many hands over; default 1,000. */
  readonly volume?: number
  /** How many invariants are tried at once, those apart that must be alone; default 4. */
  readonly concurrency?: number
  /** Only these invariants, by id; default all of the level. */
  readonly only?: readonly string[]
  /** Called with each result as it is there. */
  readonly onResult?: (result: InvariantResult) => void
  readonly signal?: AbortSignal
}

/** Tries every invariant of a level on one executor. Throws for what is no executor class. */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceReport> {
  const { subject, level = 'full' } = options
  const { executorClass } = subject
  checkExecutorClass(executorClass)
  const results: InvariantResult[] = []
  const tryAll = async (waiting: Array<Invariant | FutureInvariant>): Promise<void> => {
    for (let invariant = waiting.shift(); invariant !== undefined; invariant = waiting.shift()) {
      options.signal?.throwIfAborted()
      const result = await tryInvariant(invariant, options)
      results.push(result)
      options.onResult?.(result)
    }
  }
  const chosen = invariantsOf(level).filter(({ id }) => options.only?.includes(id) ?? true)
  const shared = chosen.filter((invariant) => !isAlone(invariant, subject))
  await Promise.all(Array.from({ length: options.concurrency ?? DEFAULT_CONCURRENCY }, () => tryAll(shared)))
  await tryAll(chosen.filter((invariant) => isAlone(invariant, subject)))
  results.sort((a, b) => a.id.localeCompare(b.id))
  const counts = countOutcomes(results)
  return { executor: executorClass.name, level, contractVersion: EXECUTOR_CONTRACT_VERSION, counts, results }
}

/** The invariants of a level, in order of their ids; those of `live-safe` belong to `full` too. */
export function invariantsOf(level: Level): ReadonlyArray<Invariant | FutureInvariant> {
  return [...INVARIANTS, ...FUTURE_INVARIANTS]
    .filter((invariant) => level === 'full' || invariant.level === level)
    .toSorted((a, b) => a.id.localeCompare(b.id))
}

/** True for one beside which nothing else may be tried. A class with routes has one mount, so all of its are. */
export function isAlone(invariant: Invariant | FutureInvariant, { executorClass }: Subject): boolean {
  if ('waitsFor' in invariant) return false
  return invariant.isAlone === true || (executorClass as ExecutorClass).getApiRoutes !== undefined
}

const DEFAULT_CONCURRENCY = 4

/** Tries one invariant. Never throws: what goes wrong is its outcome. */
export async function tryInvariant(
  invariant: Invariant | FutureInvariant,
  options: ConformanceOptions,
): Promise<InvariantResult> {
  const { id, sentence, level } = invariant
  const before = performance.now()
  const outcome = await outcomeOf(invariant, options)
  return { id, sentence, level, outcome, durationMs: performance.now() - before }
}

async function outcomeOf(invariant: Invariant | FutureInvariant, options: ConformanceOptions): Promise<Outcome> {
  if ('waitsFor' in invariant) return { kind: 'notApplicable', reason: `Fairlead has no ${invariant.waitsFor} yet` }
  const { subject } = options
  const executorClass = subject.executorClass as ExecutorClass
  const claims = claimsOf(executorClass)
  const unclaimed = invariant.claims?.find((claim) => !claims.has(claim))
  if (unclaimed !== undefined) return { kind: 'notApplicable', reason: CLAIMS[unclaimed] }
  const hooks = await hooksOf(subject)
  const missing = invariant.hooks?.filter((hook) => hooks[hook] === undefined) ?? []
  if (missing.length > 0) return { kind: 'notRun', reason: `needs the hook ${missing.join(', ')}` }
  return await judge(invariant, trialOf(options, executorClass, hooks))
}

async function judge(invariant: Invariant, trial: Trial): Promise<Outcome> {
  try {
    await invariant.check(trial)
    return { kind: 'passed' }
  } catch (error) {
    if (error instanceof NotRun) return { kind: 'notRun', reason: error.message }
    if (error instanceof Violation) return { kind: 'failed', reason: error.message }
    const message = error instanceof Error ? error.message : String(error)
    return { kind: 'failed', reason: `It threw: ${message}` }
  } finally {
    await trial.close()
  }
}

function trialOf(
  { subject, laboratory, patienceMs = 30_000, callPatienceMs = patienceMs, volume = 1000 }: ConformanceOptions,
  executorClass: ExecutorClass,
  hooks: ConformanceHooks,
): Trial {
  return new Trial({ executorClass, subject, hooks, laboratory, patienceMs, callPatienceMs, volume })
}

/** The hooks that were given, else those that the class brings along. */
async function hooksOf({ hooks, executorClass }: Subject): Promise<ConformanceHooks> {
  if (hooks !== undefined) return hooks
  return (await (executorClass as Partial<BringsHooks>).getConformanceHooks?.()) ?? {}
}
