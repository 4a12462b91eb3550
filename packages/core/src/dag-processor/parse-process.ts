import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { dagSpecSchema, type DagSpec } from '@fairlead/protocol'
import { z } from 'zod'
import { dagImportErrorSchema, type DagFileErrorCode, type DagImportError } from './dag-import-error.ts'

/** How to start a parse child. */
export interface ParseProcessOptions {
  /** The task runner's parse entry (`dist/parse.cjs`). */
  readonly script: string
  readonly cwd: string
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/** One compiled file to import. */
export interface ParseJob {
  readonly bundlePath: string
  readonly file: string
  readonly dagsFolder: string
}

/** What came of importing a file. */
export type ParseOutcome =
  | { readonly kind: 'parsed'; readonly dags: DagSpec[]; readonly output: string }
  | { readonly kind: 'failed'; readonly error: DagImportError; readonly output: string }

const replySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('parsed'), id: z.int(), dags: z.array(dagSpecSchema) }),
  z.object({ kind: z.literal('failed'), id: z.int(), error: dagImportErrorSchema, isFinal: z.boolean() }),
])
type ParseReply = z.infer<typeof replySchema>

const MAX_OUTPUT = 16_384
// What the child and its watchdog get beyond the timeout to say where it hangs, before it is ended unheard.
const LAST_WORDS_MS = 2_000
const MAX_DAGS_PROBLEM = 'The parse child answered what is no Dag'

/**
 * One child process that imports compiled Dag files, one at a time.
 * Invariant: a job settles exactly once, whether the child answers, hangs or dies; a spent process takes no more jobs.
 */
export class ParseProcess {
  readonly #child: ChildProcess
  readonly #timeoutMs: number
  #current: { id: number; job: ParseJob; settle: (outcome: ParseOutcome) => void; timer: NodeJS.Timeout } | null = null
  #output = ''
  #jobs = 0
  #isSpent = false

  constructor({ script, cwd, env, timeoutMs }: ParseProcessOptions) {
    this.#timeoutMs = timeoutMs
    this.#child = fork(script, [], {
      cwd,
      env,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      detached: true,
    })
    this.#child.on('message', (message) => this.#receive(message))
    this.#child.on('error', (error) => this.#end(`could not be started: ${error.message}`))
    this.#child.on('exit', (code, signal) =>
      this.#end(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
    )
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#keepOutput(text))
    }
    const watchdog = this.#child.stdio[4]
    if (watchdog instanceof Object) {
      createInterface({ input: watchdog as Readable }).on('line', (line) => this.#receive(parseLine(line)))
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** How many files it was given. */
  get jobs(): number {
    return this.#jobs
  }

  /** True when it must not be given another file. */
  get isSpent(): boolean {
    return this.#isSpent
  }

  /** Imports one file. Never rejects. */
  parse(job: ParseJob): Promise<ParseOutcome> {
    return new Promise((resolve) => {
      this.#jobs += 1
      this.#output = ''
      const id = this.#jobs
      const timer = setTimeout(() => this.#giveUp(), this.#timeoutMs + LAST_WORDS_MS)
      this.#current = { id, job, settle: resolve, timer }
      this.#child.send({ ...job, id, timeoutMs: this.#timeoutMs }, (error) => {
        if (error !== null) this.#end(`took no message: ${error.message}`)
      })
    })
  }

  /** Ends the child and what the author's code has started at once; a job in progress fails. */
  kill(): void {
    this.#isSpent = true
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The group has ended by itself.
    }
  }

  #receive(message: unknown): void {
    const parsed = replySchema.safeParse(message)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      this.#fail('invalid', 'DAG_SPEC_INVALID', `${MAX_DAGS_PROBLEM}: ${issue?.path.join('.')}: ${issue?.message}.`)
      this.kill()
      return
    }
    this.#answer(parsed.data)
  }

  #answer(reply: ParseReply): void {
    if (reply.kind === 'ready') return
    if (reply.id !== this.#current?.id) {
      // The watchdog stopped a child that answered in the same moment: it takes no further job.
      if (reply.kind === 'failed' && reply.isFinal) this.kill()
      return
    }
    if (reply.kind === 'parsed') {
      this.#settle({ kind: 'parsed', dags: reply.dags, output: this.#output })
      return
    }
    this.#settle({ kind: 'failed', error: reply.error, output: this.#output })
    if (reply.isFinal) this.kill()
  }

  #giveUp(): void {
    this.#fail('timeout', 'DAG_IMPORT_TIMEOUT', `The file did not finish importing within ${this.#timeoutMs} ms.`)
    this.kill()
  }

  #end(how: string): void {
    this.#isSpent = true
    const tail = this.#output.trim() === '' ? '' : ` Its last output:\n${this.#output.trim().slice(-2_000)}`
    this.#fail('exited', 'DAG_IMPORT_CRASHED', `The process that imported the file ${how}.${tail}`)
  }

  #fail(kind: DagImportError['kind'], code: DagFileErrorCode, message: string): void {
    const file = this.#current?.job.file ?? null
    const error: DagImportError = { kind, code, message, file, line: null, column: null, stack: null }
    this.#settle({ kind: 'failed', error, output: this.#output })
  }

  #settle(outcome: ParseOutcome): void {
    if (this.#current === null) return
    const { settle, timer } = this.#current
    clearTimeout(timer)
    this.#current = null
    settle(outcome)
  }

  #keepOutput(text: string): void {
    this.#output = (this.#output + text).slice(-MAX_OUTPUT)
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null // Not our watchdog's words: the author's code wrote to its descriptor.
  }
}
