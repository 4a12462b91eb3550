import {
  heartbeatTaskInstance,
  type HeartbeatAnswer,
  type HeartbeatRequest,
} from '../../packages/core/src/moves/heartbeat-task-instance.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import {
  settleTaskInstances,
  type SettleAnswer,
  type Settlement,
} from '../../packages/core/src/moves/settle-task-instances.ts'
import {
  startTaskInstances,
  type StartAnswer,
  type StartRequest,
} from '../../packages/core/src/moves/start-task-instances.ts'
import { never, type Life } from './life.ts'
import type { Surroundings } from './surroundings.ts'
import type { Umpire } from './umpire.ts'
import type { WorkerApi } from './worker.ts'

interface Asked<Q, A> {
  readonly request: Q
  answer(answer: A): void
  fail(error: unknown): void
}

/** The server's end of the Task Execution API: many requests in one move, every answer shown to the umpire. */
export class ExecutionApi implements WorkerApi {
  readonly #life: Life
  readonly #context: MoveContext
  readonly #umpire: Umpire
  readonly #surroundings: Surroundings
  readonly #starts: Array<Asked<StartRequest, StartAnswer>> = []
  readonly #settlements: Array<Asked<Settlement, SettleAnswer>> = []

  constructor(life: Life, context: MoveContext, deps: { umpire: Umpire; surroundings: Surroundings }) {
    this.#life = life
    this.#context = context
    this.#umpire = deps.umpire
    this.#surroundings = deps.surroundings
  }

  start(request: StartRequest): Promise<StartAnswer> {
    return this.#ask(this.#starts, request, async (requests) => {
      const answers = await startTaskInstances(this.#context, requests)
      requests.forEach((one, index) => this.#umpire.started(one, answers[index] as StartAnswer))
      return answers
    })
  }

  settle(settlement: Settlement): Promise<SettleAnswer> {
    return this.#ask(this.#settlements, settlement, async (requests) => {
      const answers = await settleTaskInstances(this.#context, requests)
      requests.forEach((one, index) => this.#umpire.settled(one, answers[index] as SettleAnswer))
      return answers
    })
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    if (this.#life.isDead) return await never()
    try {
      const answer = await heartbeatTaskInstance(this.#context, request)
      this.#umpire.beat(request, answer)
      return answer
    } catch (error) {
      this.#umpire.judgeError(this.#life.name, error)
      throw error
    }
  }

  #ask<Q, A>(queue: Array<Asked<Q, A>>, request: Q, serve: (requests: readonly Q[]) => Promise<A[]>): Promise<A> {
    const { kernel, stream } = this.#surroundings
    if (this.#life.isDead) return never()
    return new Promise((answer, fail) => {
      queue.push({ request, answer, fail })
      if (queue.length > 1) return
      kernel.schedule(this.#life, stream.int(0, 4), () => void this.#flush(queue.splice(0), serve))
    })
  }

  async #flush<Q, A>(
    asked: ReadonlyArray<Asked<Q, A>>,
    serve: (requests: readonly Q[]) => Promise<A[]>,
  ): Promise<void> {
    try {
      const answers = await serve(asked.map((one) => one.request))
      asked.forEach((one, index) => one.answer(answers[index] as A))
    } catch (error) {
      this.#umpire.judgeError(this.#life.name, error)
      for (const one of asked) one.fail(error)
    }
  }
}
