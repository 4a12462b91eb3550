import { randomUUID } from 'node:crypto'
import type { DoubleClock } from '../double-clock.ts'
import { ACCOUNT, type Identities } from '../iam/identities.ts'
import type { LogStore } from '../logs/log-store.ts'
import type { SqsDouble } from '../sqs/sqs-double.ts'
import { EventQueue } from './event-queue.ts'
import { ExecutionEnvironment, type Invocation, type InvocationEnd } from './execution-environment.ts'
import type { FunctionSpec, LambdaFunction } from './stage.ts'

/** What Lambda lives on. */
export interface LambdaParts {
  readonly region: string
  readonly clock: DoubleClock
  readonly logs: LogStore
  readonly sqs: SqsDouble
  readonly identities: Identities
  readonly url: () => string
}

/** An event that a process serves just now. */
export interface RunningInvocation extends Invocation {
  readonly functionName: string
  readonly pid: number | null
}

const DEFAULT_CONCURRENCY = 1000

/** Lambda as a test sees it. */
export class LambdaDouble {
  readonly #parts: LambdaParts
  readonly #queue: EventQueue
  readonly #functions = new Map<string, LambdaFunction>()
  readonly #environments = new Map<string, ExecutionEnvironment[]>()
  readonly #running = new Map<Invocation, ExecutionEnvironment>()
  #duplicates = 0

  constructor(parts: LambdaParts) {
    this.#parts = parts
    const { clock, sqs } = parts
    this.#queue = new EventQueue({
      clock,
      sqs,
      run: (definition, invocation) => this.run(definition, invocation),
      maySend: ({ roleArn }, resource) =>
        parts.identities.isRoleAllowed(roleArn, { action: 'sqs:SendMessage', resource }),
    })
  }

  /** Makes a function, or deploys it anew. Answers its ARN. */
  defineFunction(spec: FunctionSpec): string {
    const arn = `arn:aws:lambda:${this.#parts.region}:${ACCOUNT}:function:${spec.name}`
    const roleArn = this.#parts.identities.createRole({
      name: `${spec.name}-role`,
      ...(spec.policy === undefined ? {} : { policy: spec.policy }),
    })
    this.#functions.set(spec.name, { ...spec, arn, roleArn, definedAt: this.#parts.clock.now() })
    for (const environment of this.#environments.get(spec.name) ?? []) if (!environment.isBusy) environment.kill()
    return arn
  }

  /** Events that are being served. */
  running(): readonly RunningInvocation[] {
    return [...this.#running].map(([{ id, event }, environment]) => ({
      id,
      event,
      functionName: this.#nameOf(environment),
      pid: environment.pid,
    }))
  }

  /** Events that were accepted asynchronously, over or not. */
  get events(): EventQueue['events'] {
    return this.#queue.events
  }

  /** Kills the process that serves an event. Lambda sees it exit. */
  kill(id: string): void {
    this.#environmentOf(id).kill()
  }

  /** Kills it, and tells nobody: neither a retry, nor a destination, nor a dead letter. */
  vanish(id: string): void {
    for (const event of this.#queue.events) if (event.id === id) event.isForgotten = true
    this.#environmentOf(id).kill()
  }

  /** The next events are delivered twice, as Lambda may do at any time. */
  duplicateNext(times = 1): void {
    this.#duplicates += times
  }

  /** Ends processes that serve nothing: the next event meets a cold start. */
  async coolDown(): Promise<void> {
    const idle = [...this.#environments.values()].flat().filter(({ isBusy }) => !isBusy)
    await Promise.all(idle.map(async (environment) => await environment.close()))
  }

  /** A function by name, partial or full ARN, with its qualifier; null where there is none. */
  find(nameOrArn: string, qualifier: string | null): LambdaFunction | null {
    const { name, qualifier: inName } = partsOf(nameOrArn)
    const definition = this.#functions.get(name) ?? null
    const wanted = qualifier ?? inName
    const isKnown = wanted === null || wanted === '$LATEST' || (definition?.qualifiers ?? []).includes(wanted)
    return isKnown ? definition : null
  }

  accept(definition: LambdaFunction, invocation: Invocation): void {
    this.#queue.accept(definition, invocation)
    if (this.#duplicates === 0) return
    this.#duplicates -= 1
    this.#queue.accept(definition, invocation)
  }

  /** Serves an event, or answers null when the function is at its limit. */
  run(definition: LambdaFunction, invocation: Invocation): Promise<InvocationEnd> | null {
    const own = (this.#environments.get(definition.name) ?? []).filter(({ isDead }) => !isDead)
    const busy = own.filter(({ isBusy }) => isBusy).length
    if (busy >= (definition.reservedConcurrency ?? DEFAULT_CONCURRENCY)) return null
    const environment = own.find(({ isBusy }) => !isBusy) ?? this.#newEnvironment(definition)
    this.#environments.set(definition.name, own.includes(environment) ? own : [...own, environment])
    const key = { ...invocation }
    this.#running.set(key, environment)
    return environment.serve(invocation).finally(() => this.#running.delete(key))
  }

  async close(): Promise<void> {
    for (const event of this.#queue.events) event.isForgotten = true
    const all = [...this.#environments.values()].flat()
    await Promise.all(all.map(async (environment) => await environment.close()))
  }

  #newEnvironment(definition: LambdaFunction): ExecutionEnvironment {
    const { region, clock, logs, identities, url } = this.#parts
    const group = `/aws/lambda/${definition.name}`
    const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/')
    const stream = `${day}/[$LATEST]${randomUUID().replaceAll('-', '')}`
    const { credentials } = identities.openSession({
      roleArn: definition.roleArn,
      name: definition.name,
      durationSeconds: 43_200,
    })
    const variables = {
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ENDPOINT_URL: url(),
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_LAMBDA_FUNCTION_NAME: definition.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb ?? 128),
      AWS_LAMBDA_LOG_GROUP_NAME: group,
      AWS_LAMBDA_LOG_STREAM_NAME: stream,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...definition.env,
    }
    return new ExecutionEnvironment({
      definition,
      variables,
      clock,
      onLine: (line) => logs.append(group, stream, line),
    })
  }

  #environmentOf(id: string): ExecutionEnvironment {
    const found = [...this.#running].find(([invocation]) => invocation.id === id)
    if (found === undefined) throw new Error(`No invocation ${id} is being served.`)
    return found[1]
  }

  #nameOf(environment: ExecutionEnvironment): string {
    const found = [...this.#environments].find(([, environments]) => environments.includes(environment))
    return found?.[0] ?? ''
  }
}

/** `name`, `name:alias`, `account:function:name` or a full ARN, with or without a qualifier. */
function partsOf(nameOrArn: string): { readonly name: string; readonly qualifier: string | null } {
  const bare = nameOrArn.replace(/^(arn:aws:lambda:[^:]+:)?(\d{12}:)?(function:)?/, '')
  const [name = '', qualifier = null] = bare.split(':')
  return { name, qualifier }
}
