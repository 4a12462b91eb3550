/** What a task may need of its executor beyond running it. */
export const EXECUTOR_NEEDS = ['adoption', 'callbacks', 'cancel', 'liveLogs'] as const

/** One of {@link EXECUTOR_NEEDS}. */
export type ExecutorNeed = (typeof EXECUTOR_NEEDS)[number]
