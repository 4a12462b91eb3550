import type { Exchange } from '../server.ts'
import type { ServiceName } from '../wire/service.ts'
import { objectOfXml } from './object-of-xml.ts'
import { problemsOfValue } from './problems-of-value.ts'
import type { OperationModel, ServiceModel, Shape } from './service-model.ts'

type Models = Readonly<Record<ServiceName, ServiceModel>>

/** Errors that every service may answer, which no model lists: AWS's page of common errors. */
const COMMON_ERRORS: readonly string[] = [
  'AccessDenied',
  'AccessDeniedException',
  'ExpiredToken',
  'ExpiredTokenException',
  'InternalFailure',
  'InvalidClientTokenId',
  'InvalidParameterValueException',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'UnrecognizedClientException',
  'ValidationError',
]

/** What in an exchange does not fit the model of its service: its answer, or the error that it answers. */
export function problemsOfExchange(models: Models, exchange: Exchange): readonly string[] {
  const { service, operation, answer } = exchange
  const model = models[service]
  const described = model.operations[operation]
  const name = `${service}:${operation}`
  if (described === undefined) return [`${name}: the model has no such operation`]
  if (answer.status >= 400) return problemsOfError(model, described, exchange)
  const shape = described.output === undefined ? undefined : model.shapes[described.output.shape]
  if (described.output === undefined || shape?.type !== 'structure') return []
  const body = bodyOf(model, operation, exchange)
  if (shape.payload !== undefined) return problemsOfPayload(shape, body, name)
  return problemsOfValue(withoutHeaders(model, described.output.shape, shape), described.output.shape, body, name)
}

/** What in the input of a request does not fit. Requests are checked as the service got them: SDKs check almost nothing. */
export function problemsOfRequest(models: Models, { service, operation, input }: Exchange): readonly string[] {
  const model = models[service]
  const shape = model.operations[operation]?.input?.shape
  if (shape === undefined || service === 'sts' || service === 'lambda') return []
  return problemsOfValue(model, shape, input, `${service}:${operation}`)
}

function problemsOfError(model: ServiceModel, described: OperationModel, exchange: Exchange): readonly string[] {
  const { service, operation, answer } = exchange
  const body = service === 'sts' ? objectOfXml(String(answer.body)) : parse(answer.body)
  const { code, ...members } = errorIn(service, body, answer.headers['x-amzn-errortype'])
  const known = (described.errors ?? []).map(({ shape }) => shape)
  const name = `${service}:${operation} ${code}`
  const named = known.find((shape) => shape === code || codeOf(model.shapes[shape]) === code)
  if (named === undefined) return COMMON_ERRORS.includes(code) ? [] : [`${name}: not an error of this operation`]
  const shape = model.shapes[named]
  if (shape?.type !== 'structure') return []
  const known_ = Object.keys(shape.members).map((member) => member.toLowerCase())
  return Object.keys(members)
    .filter((member) => member.toLowerCase() !== 'message' && !known_.includes(member.toLowerCase()))
    .map((member) => `${name}.${member}: unknown`)
}

function errorIn(
  service: ServiceName,
  body: Record<string, unknown>,
  header: string | undefined,
): Record<string, unknown> & { readonly code: string } {
  if (service === 'sts') return { code: String((body['Error'] as Record<string, unknown> | undefined)?.['Code']) }
  const { __type: type, ...members } = body
  const code = String(header ?? type)
  return { ...members, code: code.split('#').at(-1) ?? code }
}

function codeOf(shape: Shape | undefined): string | undefined {
  return shape?.error?.code
}

/** Members that travel in headers and the status line are not in the body. */
function withoutHeaders(model: ServiceModel, name: string, shape: Shape & { type: 'structure' }): ServiceModel {
  const members = Object.fromEntries(Object.entries(shape.members).filter(([, { location }]) => location === undefined))
  const required = (shape.required ?? []).filter((member) => member in members)
  return { ...model, shapes: { ...model.shapes, [name]: { ...shape, members, required } } }
}

function problemsOfPayload(shape: Shape & { type: 'structure' }, body: unknown, name: string): readonly string[] {
  const isKnown = shape.payload !== undefined && shape.payload in shape.members
  return isKnown && body !== undefined ? [] : [`${name}: no payload`]
}

function bodyOf(model: ServiceModel, operation: string, { answer }: Exchange): unknown {
  if (model.metadata.protocol !== 'query') return parse(answer.body)
  const wrapper = model.operations[operation]?.output?.resultWrapper ?? `${operation}Result`
  return objectOfXml(String(answer.body), model, model.operations[operation]?.output?.shape)[wrapper]
}

function parse(body: Buffer | string): Record<string, unknown> {
  const text = body.toString()
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}
