import type { FutureInvariant } from '../invariant.ts'

/** Invariants about what Fairlead does not have yet: listed, so that nobody takes them for certified. */
export const FUTURE_INVARIANTS: readonly FutureInvariant[] = [
  {
    id: 'FX-991',
    sentence: 'Callbacks have the guarantees of tasks, go before them, and survive a restart.',
    level: 'full',
    sources: ['13.6 #18', '8.1 #5', '8.1 #15', '8.2 #43'],
    waitsFor: 'callback workloads',
  },
  {
    id: 'FX-992',
    sentence: 'The configuration of one team never reaches the executor of another.',
    level: 'full',
    sources: ['13.6 #25', '8.1 #26', '8.1 #27'],
    waitsFor: 'teams',
  },
  {
    id: 'FX-993',
    sentence: 'A queue that the executor does not serve is refused by its name.',
    level: 'full',
    sources: ['13.6 #14'],
    waitsFor: 'queues that an executor declares',
  },
]
