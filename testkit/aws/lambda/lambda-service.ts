import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import type { Operation, Service, ServiceAnswer } from '../wire/service.ts'
import { payloadOf } from './event-records.ts'
import type { InvocationEnd } from './execution-environment.ts'
import type { LambdaDouble } from './lambda-double.ts'
import type { LambdaFunction } from './stage.ts'

/** The API of Lambda, over functions that are processes. */
export function lambdaService(lambda: LambdaDouble, region: string): Service {
  const parts = { lambda, region }
  return {
    name: 'lambda',
    protocol: 'rest-json',
    operations: {
      Invoke: invoke(parts),
      GetFunction: read(parts, 'lambda:GetFunction', (definition) => ({
        Configuration: describe(definition),
        Code: { RepositoryType: 'S3', Location: 'https://example.com/code.zip' },
        Tags: {},
        ...(definition.reservedConcurrency === undefined
          ? {}
          : { Concurrency: { ReservedConcurrentExecutions: definition.reservedConcurrency } }),
      })),
      GetFunctionConfiguration: read(parts, 'lambda:GetFunctionConfiguration', describe),
      GetFunctionEventInvokeConfig: read(parts, 'lambda:GetFunctionEventInvokeConfig', describeEventInvoke),
      GetFunctionConcurrency: read(parts, 'lambda:GetFunctionConcurrency', ({ reservedConcurrency }) =>
        reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency },
      ),
    },
    throttled: () => tooMany('CallerRateLimitExceeded'),
    broken: (status) =>
      new AwsError('ServiceException', 'Service Unavailable.', { status, fields: { Type: 'Server' } }),
  }
}

const MAX_EVENT_BYTES = 1_048_576
const MAX_REQUEST_BYTES = 6_291_556

const onFunction = z.object({ FunctionName: z.string(), Qualifier: z.string().optional() })

interface Parts {
  readonly lambda: LambdaDouble
  readonly region: string
}

function invoke({ lambda, region }: Parts): Operation {
  return defineOperation({
    input: onFunction.extend({
      Payload: z.instanceof(Buffer),
      InvocationType: z.enum(['Event', 'RequestResponse', 'DryRun']).optional(),
    }),
    needs: (input) => needs('lambda:InvokeFunction', region, input),
    run: async (input, { noCapacity }): Promise<ServiceAnswer> => {
      const { Payload, InvocationType = 'RequestResponse' } = input
      const definition = functionOf(lambda, region, input)
      checkSize(Payload.length, InvocationType)
      const invocation = { id: randomUUID(), event: eventOf(Payload) }
      if (noCapacity !== null) throw tooMany('ConcurrentInvocationLimitExceeded')
      if (InvocationType === 'DryRun') return bytes(204, '')
      if (InvocationType === 'Event') {
        lambda.accept(definition, invocation)
        return bytes(202, '')
      }
      const running = lambda.run(definition, invocation)
      if (running === null) throw tooMany('ReservedFunctionConcurrentInvocationLimitExceeded')
      const end = await running
      return bytes(200, JSON.stringify(payloadOf(end)), headersOf(end))
    },
  })
}

function read(
  { lambda, region }: Parts,
  action: string,
  tell: (definition: LambdaFunction) => Readonly<Record<string, unknown>>,
): Operation {
  return defineOperation({
    input: onFunction,
    needs: (input) => needs(action, region, input),
    run: (input) => tell(functionOf(lambda, region, input)),
  })
}

function describe(definition: LambdaFunction): Readonly<Record<string, unknown>> {
  const { name, arn, roleArn, timeoutMs = 3_000, memoryMb = 128, env, deadLetterQueueArn, definedAt } = definition
  return {
    FunctionName: name,
    FunctionArn: arn,
    Runtime: 'nodejs20.x',
    Role: roleArn,
    Handler: `index.${definition.handlerExport ?? 'handler'}`,
    CodeSize: 1024,
    Description: '',
    Timeout: Math.ceil(timeoutMs / 1000),
    MemorySize: memoryMb,
    LastModified: new Date(definedAt).toISOString().replace('Z', '+0000'),
    CodeSha256: createHash('sha256').update(definition.handlerPath).digest('base64'),
    Version: '$LATEST',
    TracingConfig: { Mode: 'PassThrough' },
    RevisionId: '00000000-0000-0000-0000-000000000000',
    State: definition.state ?? 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: ['x86_64'],
    EphemeralStorage: { Size: 512 },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${name}` },
    ...(env === undefined ? {} : { Environment: { Variables: env } }),
    ...(deadLetterQueueArn === undefined ? {} : { DeadLetterConfig: { TargetArn: deadLetterQueueArn } }),
  }
}

function describeEventInvoke({ arn, eventInvoke, definedAt }: LambdaFunction): Readonly<Record<string, unknown>> {
  if (eventInvoke === undefined) throw notFound(`The function ${arn}:$LATEST doesn't have an EventInvokeConfig`)
  const { maximumRetryAttempts, maximumEventAgeSeconds, onFailure, onSuccess } = eventInvoke
  return {
    LastModified: definedAt / 1000,
    FunctionArn: `${arn}:$LATEST`,
    ...(maximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts: maximumRetryAttempts }),
    ...(maximumEventAgeSeconds === undefined ? {} : { MaximumEventAgeInSeconds: maximumEventAgeSeconds }),
    DestinationConfig: {
      OnSuccess: onSuccess === undefined ? {} : { Destination: onSuccess },
      OnFailure: onFailure === undefined ? {} : { Destination: onFailure },
    },
  }
}

type OnFunction = z.output<typeof onFunction>

function functionOf(lambda: LambdaDouble, region: string, { FunctionName, Qualifier }: OnFunction): LambdaFunction {
  const definition = lambda.find(FunctionName, Qualifier ?? null)
  if (definition === null) throw notFound(`Function not found: ${arnOf(region, { FunctionName, Qualifier })}`)
  return definition
}

function needs(action: string, region: string, input: OnFunction): readonly Need[] {
  return [{ action, resource: arnOf(region, input) }]
}

function arnOf(region: string, { FunctionName, Qualifier }: OnFunction): string {
  const bare = FunctionName.replace(/^(arn:aws:lambda:[^:]+:)?(\d{12}:)?(function:)?/, '')
  return `arn:aws:lambda:${region}:${ACCOUNT}:function:${bare}${Qualifier === undefined ? '' : `:${Qualifier}`}`
}

function checkSize(size: number, type: 'Event' | 'RequestResponse' | 'DryRun'): void {
  const limit = type === 'Event' ? MAX_EVENT_BYTES : MAX_REQUEST_BYTES
  if (size <= limit) return
  const message = `${size} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`
  throw new AwsError('RequestTooLargeException', message, { status: 413, fields: { Type: 'User' } })
}

function eventOf(payload: Buffer): unknown {
  if (payload.length === 0) return {}
  try {
    return JSON.parse(payload.toString()) as unknown
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new AwsError('InvalidRequestContentException', `Could not parse request body into json: ${why}`, {
      fields: { Type: 'User' },
    })
  }
}

function headersOf(end: InvocationEnd): Record<string, string> {
  return end.kind === 'answered' ? {} : { 'x-amz-function-error': 'Unhandled' }
}

function bytes(status: number, text: string, headers: Record<string, string> = {}): ServiceAnswer {
  return {
    kind: 'bytes',
    status,
    bytes: Buffer.from(text),
    headers: { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST', ...headers },
  }
}

function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message, { status: 404, fields: { Type: 'User' } })
}

function tooMany(reason: string): AwsError {
  return new AwsError('TooManyRequestsException', 'Rate Exceeded.', {
    status: 429,
    fields: { Type: 'User', Reason: reason },
  })
}
