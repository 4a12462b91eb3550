import type { Clock, Environment, Faults } from '../../packages/core/src/model/environment.ts'
import { Crash, never, type Life } from './life.ts'
import { coreRandom } from './random-stream.ts'
import type { Surroundings } from './surroundings.ts'

/** Time, chance and faults of one simulated process; all of it ends with the process. */
export function simulatedEnvironment(
  { kernel, chaos, trace, stream }: Surroundings,
  life: Life,
  skewMs: number,
): Environment {
  const random = coreRandom(stream.fork(life.name))
  const clock: Clock = {
    now: () => {
      life.refuseDead()
      return Math.floor(kernel.now + kernel.wallOffsetMs + skewMs)
    },
    monotonic: () => {
      life.refuseDead()
      return kernel.now
    },
    yield: () => kernel.sleep(life, 0),
    sleep: (ms, signal) => (life.isDead ? never() : kernel.sleep(life, ms, signal)),
  }
  const faults: Faults = {
    at: (point) => {
      life.refuseDead()
      life.standstillMs += chaos.standstillMs(point)
      if (!chaos.crashesAt(point)) return
      trace.note(life.name, `crashes at ${point}`)
      life.die()
      throw new Crash(point)
    },
  }
  return { clock, random, faults }
}
