import { randomFillSync } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { v7 } from 'uuid'
import {
  FAULT_POINTS,
  NO_FAULTS,
  type Clock,
  type Environment,
  type Faults,
  type Random,
} from '../model/environment.ts'

/** Time and chance of the real world. */
export function systemEnvironment(faults: Faults = NO_FAULTS): Environment {
  return { clock: SYSTEM_CLOCK, random: systemRandom(), faults }
}

// A longer timer would fire at once; whoever sleeps looks at the clock again anyway.
const LONGEST_TIMER_MS = 2_147_483_647

const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  yield: () => nextTurn(),
  sleep: (ms, signal) =>
    sleep(Math.min(Math.max(0, ms), LONGEST_TIMER_MS), undefined, signal === undefined ? {} : { signal }),
}

const POOL_BYTES = 4096
const ID_BYTES = 16

// One system call fills many ids, and ids of one millisecond are numbered, so that they sort as they were made.
function systemRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let lastMs = 0
  let sequence = 0
  return {
    unit: () => Math.random(),
    uuid: (nowMs) => {
      if (used + ID_BYTES > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      const random = pool.subarray(used, used + ID_BYTES)
      used += ID_BYTES
      sequence = nowMs > lastMs ? 0 : sequence + 1
      lastMs = Math.max(lastMs, nowMs)
      return v7({ msecs: lastMs, seq: sequence, random })
    },
  }
}

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
