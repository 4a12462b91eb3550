import { setTimeout as sleep } from 'node:timers/promises'
import { v7 } from 'uuid'
import { FAULT_POINTS, NO_FAULTS, type Environment, type Faults } from '../model/environment.ts'

/** Time and chance of the real world. */
export function systemEnvironment(faults: Faults = NO_FAULTS): Environment {
  return {
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: (ms, signal) => sleep(Math.min(ms, LONGEST_TIMER_MS), undefined, { ref: true, ...(signal ? { signal } : {}) }),
    },
    random: { unit: () => Math.random(), uuid: (msecs) => v7({ msecs }) },
    faults,
  }
}

// A longer timer would fire at once; whoever sleeps looks at the clock again anyway.
const LONGEST_TIMER_MS = 2_147_483_647

/** Faults for chaos tests: `dispatch.afterHandOver:3` kills this process at the third passing of that point. */
export function killingFaults(text: string, kill: () => void): Faults {
  const [point = '', count = '1'] = text.split(':')
  if (!FAULT_POINTS.some((known) => known === point)) {
    throw new Error(`There is no fault point "${point}". Known ones: ${FAULT_POINTS.join(', ')}.`)
  }
  let left = Number(count)
  return {
    at(passed) {
      if (passed !== point) return
      left -= 1
      if (left === 0) kill()
    },
  }
}
