import {
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda'
import { clientConfig } from '../shared/client-config.ts'
import type { ClientSettings } from '../shared/client-settings.ts'
import { RenewedClient } from '../shared/renewed-client.ts'

/** A function, and the version of it that is meant. */
export interface FunctionTarget {
  readonly functionName: string
  readonly qualifier: string | null
}

/** What is read of a function. */
export interface FunctionFacts {
  readonly functionArn: string
  /** `Active` for one that can be invoked. Absent from what emulators answer. */
  readonly state: string | null
  readonly stateReason: string | null
  /** What AWS ends an invocation after. */
  readonly timeoutMs: number
  /** Queue or topic for events that could not be run, of the function itself. */
  readonly deadLetterArn: string | null
  readonly logGroup: string
}

/** How Lambda treats events of a function that are invoked asynchronously. */
export interface AsyncPolicy {
  readonly maximumRetryAttempts: number
  readonly maximumEventAgeMs: number
  readonly onFailureArn: string | null
  readonly onSuccessArn: string | null
}

/** What Lambda does where nothing is configured. */
export const DEFAULT_ASYNC_POLICY: AsyncPolicy = {
  maximumRetryAttempts: 2,
  maximumEventAgeMs: 6 * 60 * 60 * 1000,
  onFailureArn: null,
  onSuccessArn: null,
}

/** The slice of AWS Lambda that is used here. What a call throws is the SDK's; `failureOf` says what it means. */
export class LambdaApi {
  readonly #client: RenewedClient<LambdaClient>

  constructor(settings: ClientSettings) {
    this.#client = new RenewedClient(() => new LambdaClient(clientConfig(settings)))
  }

  /** Has an event queued. Answers Lambda's id of the invocation. */
  async invoke(target: FunctionTarget, event: Uint8Array, signal: AbortSignal): Promise<string> {
    const request = { ...named(target), InvocationType: 'Event', Payload: event } as const
    const { StatusCode, $metadata } = await this.#client.call(
      (client, options) => client.send(new InvokeCommand(request), options),
      signal,
    )
    if (StatusCode !== ACCEPTED)
      throw new Error(`AWS Lambda answered ${StatusCode ?? 'no status'} instead of ${ACCEPTED}`)
    if ($metadata.requestId === undefined) throw new Error('AWS Lambda took an event and gave it no request id')
    return $metadata.requestId
  }

  /** Asks whether an event would be taken, without one. */
  async tryInvoke(target: FunctionTarget, signal: AbortSignal): Promise<void> {
    const request = { ...named(target), InvocationType: 'DryRun' } as const
    await this.#client.call((client, options) => client.send(new InvokeCommand(request), options), signal)
  }

  async describe(target: FunctionTarget, signal: AbortSignal): Promise<FunctionFacts> {
    const found = await this.#client.call(
      (client, options) => client.send(new GetFunctionConfigurationCommand(named(target)), options),
      signal,
    )
    return {
      functionArn: found.FunctionArn ?? target.functionName,
      state: found.State ?? null,
      stateReason: found.StateReason ?? null,
      timeoutMs: (found.Timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
      deadLetterArn: textOf(found.DeadLetterConfig?.TargetArn),
      logGroup: found.LoggingConfig?.LogGroup ?? `/aws/lambda/${found.FunctionName ?? target.functionName}`,
    }
  }

  /** How events are treated; null where the function has no configuration for it, so that Lambda's defaults hold. */
  async asyncPolicy(target: FunctionTarget, signal: AbortSignal): Promise<AsyncPolicy | null> {
    try {
      const found = await this.#client.call(
        (client, options) => client.send(new GetFunctionEventInvokeConfigCommand(named(target)), options),
        signal,
      )
      const { maximumRetryAttempts, maximumEventAgeMs } = DEFAULT_ASYNC_POLICY
      return {
        maximumRetryAttempts: found.MaximumRetryAttempts ?? maximumRetryAttempts,
        maximumEventAgeMs:
          found.MaximumEventAgeInSeconds === undefined ? maximumEventAgeMs : found.MaximumEventAgeInSeconds * 1000,
        onFailureArn: textOf(found.DestinationConfig?.OnFailure?.Destination),
        onSuccessArn: textOf(found.DestinationConfig?.OnSuccess?.Destination),
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return null
      throw error
    }
  }

  destroy(): void {
    this.#client.destroy()
  }
}

function named({ functionName, qualifier }: FunctionTarget): { FunctionName: string; Qualifier?: string } {
  return { FunctionName: functionName, ...(qualifier === null ? {} : { Qualifier: qualifier }) }
}

function textOf(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value
}

const ACCEPTED = 202
const DEFAULT_TIMEOUT_SECONDS = 3
