/** The pool of a task that names none. It is always there. */
export const DEFAULT_POOL = 'default_pool'

/** Slots of a pool that holds nothing back. */
export const INFINITE_SLOTS = -1

/** Airflow's rules by which the weights of the tasks around a task add to its own. */
export const WEIGHT_RULES = ['downstream', 'upstream', 'absolute'] as const

/** One of {@link WEIGHT_RULES}. */
export type WeightRule = (typeof WEIGHT_RULES)[number]

/** When a task goes to the next executor of its chain: `full` also when the one before has no free slot. */
export const EXECUTOR_FALLBACKS = ['unavailable', 'full'] as const

/** One of {@link EXECUTOR_FALLBACKS}. */
export type ExecutorFallback = (typeof EXECUTOR_FALLBACKS)[number]
