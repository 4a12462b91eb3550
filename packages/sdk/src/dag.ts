import type { DagSpec } from '@fairlead/protocol'
import type { AuthoredDag } from './authored-dag.ts'
import { authorFiles } from './author-files.ts'
import { testDag, type DagTestOptions, type DagTestResult } from './dag-test.ts'
import { AuthorError } from './errors.ts'
import type { ShellFactory, ShellInputs, TaskFactory, TaskHandle } from './handles.ts'
import { isOutputRef } from './handles.ts'
import { checkId } from './ids.ts'
import { locateAuthor } from './locate.ts'
import type { DagOptions, Handler, ShellOptions, TaskOptions } from './options.ts'
import { wireInputs, type PlacedTask } from './placed-task.ts'
import { shellInputVariable } from './shell-input.ts'
import { DAG_BRAND, DAGS_SLOT, readSlot } from './symbols.ts'
import { createHandle, type HandleDag } from './task-handle.ts'
import { toSpec } from './to-spec.ts'

const EXIT_CODE_SKIPS = 99

/** A graph of tasks, and when it runs. */
export class Dag {
  readonly dagId: string
  readonly options: DagOptions
  /** The Dag as runners see it; not for authors. */
  readonly [DAG_BRAND]: AuthoredDag
  readonly #location: string | null
  readonly #files: () => readonly string[]
  readonly #placed = new Map<string, PlacedTask>()
  // What handles know of this Dag; its identity marks the outputs that belong here.
  readonly #self: HandleDag
  // Location of each task() and shell() that has not been called yet: a task left out of the graph is a mistake.
  readonly #unplaced = new Map<object, { taskId: string; location: string | null }>()

  constructor(dagId: string, options: DagOptions = {}) {
    this.#location = locateAuthor()
    this.#files = authorFiles()
    checkId('Dag', dagId, this.#location)
    this.dagId = dagId
    this.options = options
    this.#self = { dagId, placed: (taskId) => this.#taskOf(taskId) }
    this[DAG_BRAND] = {
      dagId,
      toSpec: () => this.#toSpec(),
      handlerOf: (taskId) => this.#placed.get(taskId)?.handler ?? null,
      retryWhen: (taskId) => this.#placed.get(taskId)?.options.retryWhen ?? options.defaultArgs?.retryWhen ?? null,
      literalsOf: (taskId) => this.#placed.get(taskId)?.literals ?? {},
    }
    readSlot<unknown[]>(DAGS_SLOT)?.push(this)
  }

  /** Declares a task; calling the answer places it. The id may come from the handler's name. */
  task<Output, Input extends object = Record<never, never>>(
    taskId: string,
    handler: Handler<Input, Output>,
    options?: TaskOptions,
  ): TaskFactory<Input, Awaited<Output>>
  task<Output, Input extends object = Record<never, never>>(
    handler: Handler<Input, Output>,
    options?: TaskOptions & { readonly taskId?: string },
  ): TaskFactory<Input, Awaited<Output>>
  task<Output, Input extends object>(
    first: string | Handler<Input, Output>,
    second?: Handler<Input, Output> | (TaskOptions & { readonly taskId?: string }),
    third?: TaskOptions,
  ): TaskFactory<Input, Awaited<Output>> {
    const handler = typeof second === 'function' ? second : first
    const { taskId: idInOptions, ...options }: TaskOptions & { readonly taskId?: string } =
      (typeof second === 'function' ? third : second) ?? {}
    const location = locateAuthor()
    if (typeof handler !== 'function') {
      throw new AuthorError(
        'TASK_OPTION_INVALID',
        `Task "${String(first)}" of Dag "${this.dagId}" has no handler.`,
        location,
      )
    }
    const taskId = typeof first === 'string' ? first : (idInOptions ?? this.#nameOf(first, location))
    checkId('Task', taskId, location)
    const place = (id: string, call: unknown): TaskHandle<never> =>
      this.#place(id, call, { program: { kind: 'handler' }, handler, options })
    return this.#factoryOf(taskId, place, location) as unknown as TaskFactory<Input, Awaited<Output>>
  }

  /** Declares a task that runs a command with `/bin/sh -c`, without a Node process of its own. */
  shell(taskId: string, command: string, options: ShellOptions = {}): ShellFactory {
    const location = locateAuthor()
    checkId('Task', taskId, location)
    const { env = {}, cwd = null, skipOnExitCode = EXIT_CODE_SKIPS, ...taskOptions } = options
    const place = (id: string, call: unknown): TaskHandle<never> =>
      this.#place(id, call, {
        program: { kind: 'shell', command, env: { ...literalVariables(call), ...env }, cwd, skipOnExitCode },
        handler: null,
        options: taskOptions,
      })
    return this.#factoryOf(taskId, place, location) as unknown as ShellFactory
  }

  /**
   * Runs the Dag once, from its first task to its last, and answers what came of it: in this very process, where a
   * debugger finds the handlers, or through an executor. It needs no server, and leaves nothing behind.
   */
  test(options: DagTestOptions = {}): Promise<DagTestResult> {
    return testDag(this[DAG_BRAND], options, this.#files)
  }

  #nameOf(handler: { name: string }, location: string | null): string {
    if (handler.name !== '') return handler.name
    const message = `A task of Dag "${this.dagId}" has neither an id nor a named function. Write dag.task('id', handler).`
    throw new AuthorError('TASK_ID_MISSING', message, location)
  }

  #factoryOf(
    taskId: string,
    place: (taskId: string, call: unknown) => TaskHandle<never>,
    location: string | null,
  ): (call?: unknown) => TaskHandle<never> {
    const declaration = {}
    this.#unplaced.set(declaration, { taskId, location })
    const factoryFor = (id: string): ((call?: unknown) => TaskHandle<never>) => {
      const factory = (call?: unknown): TaskHandle<never> => {
        const handle = place(id, call)
        this.#unplaced.delete(declaration)
        return handle
      }
      return Object.assign(factory, { as: factoryFor })
    }
    return factoryFor(taskId)
  }

  #place(taskId: string, call: unknown, what: Pick<PlacedTask, 'program' | 'handler' | 'options'>): TaskHandle<never> {
    const location = locateAuthor()
    checkId('Task', taskId, location)
    const earlier = this.#placed.get(taskId)
    if (earlier !== undefined) throw this.#duplicate(taskId, earlier.location, location)
    const { literals, inputs } = wireInputs({ dag: this.#self, taskId, location }, call)
    const upstream = new Set(inputs.map((input) => input.taskId))
    this.#placed.set(taskId, { taskId, ...what, literals, inputs, upstream, location })
    return createHandle(this.#self, taskId)
  }

  #duplicate(taskId: string, earlier: string | null, location: string | null): AuthorError {
    const where = earlier === null || location === null ? '' : ` (${earlier} and ${location})`
    const message =
      `Dag "${this.dagId}" has two tasks with the id "${taskId}"${where}. ` +
      'Give each its own id; .as(id) places one declaration again.'
    return new AuthorError('TASK_DUPLICATE', message, location)
  }

  #taskOf(taskId: string): PlacedTask {
    const task = this.#placed.get(taskId)
    if (task !== undefined) return task
    throw new AuthorError('TASK_UNKNOWN', `Dag "${this.dagId}" has no task "${taskId}".`, locateAuthor())
  }

  #toSpec(): DagSpec {
    for (const { taskId, location } of this.#unplaced.values()) {
      const message =
        `Task "${taskId}" of Dag "${this.dagId}" is declared and never placed. ` +
        `Call what dag.task() returned, or remove it.`
      throw new AuthorError('TASK_NOT_PLACED', message, location)
    }
    const { dagId, options } = this
    return toSpec({ dagId, options, tasks: [...this.#placed.values()], location: this.#location })
  }
}

function literalVariables(call: unknown): Record<string, string> {
  const entries = Object.entries((call ?? {}) as ShellInputs).filter(
    ([, value]) => value !== undefined && !isOutputRef(value),
  )
  return Object.fromEntries(entries.map(([name, value]) => [shellInputVariable(name), JSON.stringify(value) ?? 'null']))
}
