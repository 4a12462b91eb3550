import type { IncomingHttpHeaders } from 'node:http'
import type { ServiceName } from './service.ts'

/** A request, and what it asks of whom. */
export interface IdentifiedRequest {
  readonly service: ServiceName
  readonly operation: string
  readonly input: unknown
}

/** A request as it came. */
export interface WireRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** By the target that JSON protocols name in a header. */
const TARGETS: Readonly<Record<string, ServiceName>> = {
  AmazonEC2ContainerServiceV20141113: 'ecs',
  AmazonSQS: 'sqs',
  Logs_20140328: 'logs',
}

/** By method and path, for services that speak REST. */
const PATHS: ReadonlyArray<readonly [method: string, path: RegExp, service: ServiceName, operation: string]> = [
  ['POST', /^\/v1\/submitjob$/, 'batch', 'SubmitJob'],
  ['POST', /^\/v1\/describejobs$/, 'batch', 'DescribeJobs'],
  ['POST', /^\/v1\/listjobs$/, 'batch', 'ListJobs'],
  ['POST', /^\/v1\/terminatejob$/, 'batch', 'TerminateJob'],
  ['POST', /^\/v1\/canceljob$/, 'batch', 'CancelJob'],
  ['POST', /^\/v1\/describejobqueues$/, 'batch', 'DescribeJobQueues'],
  ['POST', /^\/v1\/describejobdefinitions$/, 'batch', 'DescribeJobDefinitions'],
  ['POST', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/invocations$/, 'lambda', 'Invoke'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)$/, 'lambda', 'GetFunction'],
  ['GET', /^\/2015-03-31\/functions\/(?<FunctionName>[^/]+)\/configuration$/, 'lambda', 'GetFunctionConfiguration'],
  [
    'GET',
    /^\/2019-09-25\/functions\/(?<FunctionName>[^/]+)\/event-invoke-config$/,
    'lambda',
    'GetFunctionEventInvokeConfig',
  ],
  ['GET', /^\/2019-09-30\/functions\/(?<FunctionName>[^/]+)\/concurrency$/, 'lambda', 'GetFunctionConcurrency'],
]

/** What a request asks for, or null where no service of the double speaks so. */
export function identify(request: WireRequest): IdentifiedRequest | null {
  return byTarget(request) ?? byForm(request) ?? byPath(request)
}

function byTarget({ headers, body }: WireRequest): IdentifiedRequest | null {
  const [prefix = '', operation = ''] = String(headers['x-amz-target'] ?? '').split('.')
  const service = TARGETS[prefix]
  return service === undefined ? null : { service, operation, input: json(body) }
}

/** STS alone speaks the query protocol here: flat parameters are all it needs. */
function byForm({ headers, body }: WireRequest): IdentifiedRequest | null {
  if (!String(headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) return null
  const input = Object.fromEntries(new URLSearchParams(body.toString()))
  return { service: 'sts', operation: input['Action'] ?? '', input }
}

function byPath({ method, url, headers, body }: WireRequest): IdentifiedRequest | null {
  const { pathname, searchParams } = new URL(url, 'http://double')
  for (const [wanted, path, service, operation] of PATHS) {
    const match = wanted === method ? path.exec(pathname) : null
    if (match === null) continue
    if (service === 'batch') return { service, operation, input: json(body) }
    const named = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)])
    const input = {
      ...Object.fromEntries([...searchParams, ...named]),
      ...(operation === 'Invoke' ? { Payload: body, InvocationType: headers['x-amz-invocation-type'] } : {}),
    }
    return { service, operation, input }
  }
  return null
}

function json(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : (JSON.parse(body.toString()) as unknown)
  } catch {
    // What is no JSON fits no schema either, and is refused with the rest of what is malformed.
    return null
  }
}
