/** Mark on the prototype of `BaseExecutor`, by which any copy of this package finds it. */
export const BASE_EXECUTOR_MARK: unique symbol = Symbol.for('fairlead.base-executor') as never

/** Members of `BaseExecutor` that core relies on. A class that overrides one is refused at load, by name. */
export const FINAL_MEMBERS = [
  'heartbeat',
  'queueWorkload',
  'report',
  'sendCallback',
  'getEventBuffer',
  'acknowledgeEvents',
  'hasTask',
  'slotsAvailable',
  'slotsOccupied',
] as const

/** One of {@link FINAL_MEMBERS}. */
export type FinalMember = (typeof FINAL_MEMBERS)[number]
