import type { AwsDouble, ClientSettings } from './aws-double.ts'
import { BatchDouble } from './batch/batch-double.ts'
import { batchService } from './batch/batch-service.ts'
import { CallCounts } from './call-counts.ts'
import { Images } from './containers/images.ts'
import { Control } from './control.ts'
import { controlFunctions } from './control-functions.ts'
import { DoubleClock } from './double-clock.ts'
import { EcsDouble } from './ecs/ecs-double.ts'
import { ecsService } from './ecs/ecs-service.ts'
import { StateChangeRules } from './events/state-change-rules.ts'
import { Faults } from './faults.ts'
import { Identities, type Credentials } from './iam/identities.ts'
import { LambdaDouble } from './lambda/lambda-double.ts'
import { lambdaService } from './lambda/lambda-service.ts'
import { LogStore } from './logs/log-store.ts'
import { logsService } from './logs/logs-service.ts'
import { RateLimits } from './rate-limits.ts'
import { DoubleServer, type Exchange } from './server.ts'
import { SqsDouble } from './sqs/sqs-double.ts'
import { sqsService } from './sqs/sqs-service.ts'
import { stsService } from './sts/sts-service.ts'

export type { AwsDouble } from './aws-double.ts'

/** How the double is started. */
export interface AwsDoubleOptions {
  readonly region?: string
  /** How long a task stays in each status that it only passes; 2 ms by default. */
  readonly stepMs?: number
  /** Sees each request with its answer. */
  readonly onAnswer?: (exchange: Exchange) => void
}

/** Starts the double. */
export async function startAwsDouble(options: AwsDoubleOptions = {}): Promise<AwsDouble> {
  const { region = 'eu-central-1', stepMs = 2, onAnswer } = options
  const clock = new DoubleClock()
  const iam = new Identities(clock)
  const [faults, calls, images, logs] = [new Faults(), new CallCounts(), new Images(), new LogStore(clock)]
  const rateLimits = new RateLimits(clock)
  const sqs = new SqsDouble(clock, region, () => server.url)
  const events = new StateChangeRules(sqs, clock)
  const ecs = new EcsDouble({ region, clock, images, logs, stepMs, onChange: (task) => events.deliver(task) })
  const batch = new BatchDouble({ region, clock, images, logs, stepMs })
  const lambda = new LambdaDouble({ region, clock, logs, sqs, identities: iam, url: () => server.url })
  const services = [
    ecsService(ecs, region, () => clock.now()),
    batchService(batch, region),
    lambdaService(lambda, region),
    sqsService(sqs),
    logsService(logs, region),
    stsService(iam),
  ]
  const control = new Control(() => controlFunctions(double))
  const server = new DoubleServer({
    region,
    services: () => services,
    identities: iam,
    faults,
    rateLimits,
    calls,
    control,
    ...(onAnswer === undefined ? {} : { onAnswer }),
  })
  await server.listen()
  const clientOf = (credentials: Credentials): ClientSettings => ({ endpoint: server.url, region, credentials })
  const double: AwsDouble = {
    url: server.url,
    region,
    client: clientOf(iam.administrator),
    environment: environmentOf(server.url, region, iam.administrator),
    ecs,
    batch,
    lambda,
    sqs,
    logs,
    events,
    iam,
    images,
    faults,
    rateLimits,
    calls,
    clock,
    clientOf,
    operations: () =>
      services.flatMap(({ name, operations }) => Object.keys(operations).map((one) => `${name}:${one}`)),
    async close() {
      await Promise.all([ecs.close(), batch.close(), lambda.close()])
      clock.close()
      await server.close()
    },
  }
  return double
}

/** Variables by which the SDK finds the double, and says nothing of the age of Node. */
function environmentOf(url: string, region: string, credentials: Credentials): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    FAIRLEAD_AWS_DOUBLE: url,
  }
}
