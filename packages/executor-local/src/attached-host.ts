import { setTimeout as sleep } from 'node:timers/promises'
import {
  CONTROL_VERSION,
  hostPidIn,
  runnerFiles,
  type HeldWorkload,
  type HostAnswer,
  type HostCall,
  type WorkerHostSettings,
} from '@fairlead/task-runner'
import { HostConnection, type HostFound, type OpenedConnection } from './host-connection.ts'
import { spawnHost } from './host-process.ts'

/**
 * The worker host of one executor, kept connected: found where it runs, started where it does not, and started again
 * when it dies.
 */
export class AttachedHost {
  readonly #options: AttachedHostOptions
  #current: Promise<OpenedConnection>
  #isClosed = false

  private constructor(options: AttachedHostOptions, first: OpenedConnection) {
    this.#options = options
    this.#current = Promise.resolve(first)
    this.#follow(first)
  }

  /** Connects to the host, and starts one where there is none. Rejects with the host's own words when it cannot start. */
  static async open(options: AttachedHostOptions): Promise<AttachedHost> {
    return new AttachedHost(options, await attach(options))
  }

  /**
   * Calls the host, on a new connection when the present one is lost. Null when there is no answer: the connection was
   * lost first, or the signal gave up. Whether the host heard the call is then unknown.
   */
  async call(call: HostCall, signal: AbortSignal): Promise<HostAnswer | null> {
    const answered = this.#current.then(
      ({ connection }) => (signal.aborted ? null : connection.call(call)),
      // The executor ended while it looked for a host.
      () => null,
    )
    return await unlessAborted(answered, signal)
  }

  /** Closes the connection and does not come back. */
  async close(): Promise<void> {
    this.#isClosed = true
    const current = await this.#current.catch(() => null)
    current?.connection.close()
  }

  #follow({ connection, held }: OpenedConnection): void {
    this.#options.onAttached(held)
    // A host that hangs still holds its connection; closing it leads to its replacement.
    const { timeoutMs } = this.#options
    const pulse = setInterval(() => void connection.callWithin(timeoutMs, { kind: 'status' }), timeoutMs)
    pulse.unref()
    void connection.closed.then(() => clearInterval(pulse))
    void connection.closed.then(() => {
      if (this.#isClosed) return
      this.#options.onLost()
      this.#current = this.#attachAgain()
      // Whoever calls hears of it.
      this.#current.catch(() => undefined)
    })
  }

  async #attachAgain(): Promise<OpenedConnection> {
    for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
      if (this.#isClosed) throw new Error('the executor has ended')
      try {
        const opened = await attach(this.#options)
        this.#follow(opened)
        return opened
      } catch (error) {
        this.#options.onProblem(error instanceof Error ? error.message : String(error))
        await sleep(delayMs, undefined, { ref: false })
      }
    }
  }
}

/** See {@link AttachedHost}. */
export interface AttachedHostOptions {
  readonly settings: WorkerHostSettings
  /** What a host that is started finds in its environment, beside what is there. */
  readonly environment: Readonly<Record<string, string>>
  /** The compiled worker host; undefined for this installation's own, null where somebody else runs it. */
  readonly workerHostPath: string | undefined | null
  /** How long a host may take to answer. */
  readonly timeoutMs: number
  /** Called at each attachment with all that the host holds, before any event. */
  readonly onAttached: (held: readonly HeldWorkload[]) => void
  readonly onEvent: (event: HeldWorkload) => void
  readonly onLost: () => void
  readonly onProblem: (message: string) => void
}

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5_000

/**
 * Attaches to the host that runs, or to one that is started. Several executors share a host, so one that is starting
 * belongs to another and is waited for; only one that answers nobody is given up.
 */
async function attach(options: AttachedHostOptions): Promise<OpenedConnection> {
  const { settings, timeoutMs, workerHostPath, environment } = options
  const giveUpAt = performance.now() + timeoutMs
  for (let attempt = 0; attempt < MOST_STARTS;) {
    const found = await HostConnection.open(settings.socketPath, timeoutMs, options.onEvent)
    if (found.kind === 'attached' && found.version === CONTROL_VERSION) return found
    if (workerHostPath === null) throw notProvided(settings.socketPath, found)
    // A host of another version: what it runs was begun by another release, and ends with it.
    if (found.kind === 'attached') await found.connection.call({ kind: 'shutdown', detail: 'the server was upgraded' })
    const holder = hostPidIn(settings.runFolder)
    const isGivenUp = found.kind === 'silent' || performance.now() > giveUpAt
    if (holder !== null && !isGivenUp) {
      await sleep(LOOK_AGAIN_MS)
      continue
    }
    await spawnHost({ ...settings, replaces: holder }, workerHostPath ?? runnerFiles().workerHostPath, environment)
    attempt += 1
  }
  throw new Error(`The worker host started and does not answer at ${settings.socketPath}.`)
}

const LOOK_AGAIN_MS = 50
const MOST_STARTS = 3

function notProvided(socketPath: string, found: HostFound): Error {
  if (found.kind === 'attached') {
    found.connection.close()
    return new Error(`The worker host at ${socketPath} is of another version. Start \`fairlead worker-host\` again.`)
  }
  const who = found.kind === 'absent' ? 'No worker host listens' : 'The worker host does not answer'
  return new Error(
    `${who} at ${socketPath}. Run one with \`fairlead worker-host\`, or let the executor start its own (setting workerHost).`,
  )
}

/** Null once the signal aborts. The signal lives longer than the call, so nothing of the call stays on it. */
function unlessAborted<T>(answered: Promise<T | null>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(null)
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    answered.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}
