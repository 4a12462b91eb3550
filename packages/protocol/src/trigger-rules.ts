/** Airflow's trigger rules: when the states of the upstream tasks allow a task to run. */
export const TRIGGER_RULES = [
  'all_success',
  'all_failed',
  'all_done',
  'all_done_min_one_success',
  'all_done_setup_success',
  'all_skipped',
  'one_success',
  'one_failed',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'none_skipped',
  'always',
] as const

/** One of {@link TRIGGER_RULES}. */
export type TriggerRule = (typeof TRIGGER_RULES)[number]
