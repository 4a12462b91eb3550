import type { AwsError } from './aws-error.ts'
import type { Protocol, ServiceAnswer } from './service.ts'
import { xmlOf } from './xml.ts'

/** Answers as each protocol puts them. */

/** What goes onto the wire. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

const STS_NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

/** The answer of an operation. */
export function renderAnswer(protocol: Protocol, operation: string, answer: ServiceAnswer, id: string): WireAnswer {
  if (answer.kind === 'bytes') return { status: answer.status, headers: answer.headers, body: answer.bytes }
  const status = answer.status ?? 200
  if (protocol !== 'query') return jsonAnswer(protocol, status, answer.output)
  const result = { [`${operation}Result`]: answer.output, ResponseMetadata: { RequestId: id } }
  return { status, headers: xml, body: xmlOf(`${operation}Response`, result, STS_NAMESPACE) }
}

/** An error of a service. */
export function renderError(protocol: Protocol, error: AwsError, id: string): WireAnswer {
  const { code, message, status, fields, queryCode } = error
  if (protocol === 'query') {
    const body = { Error: { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message }, RequestId: id }
    return { status, headers: xml, body: xmlOf('ErrorResponse', body, STS_NAMESPACE) }
  }
  if (protocol === 'rest-json') {
    const answer = jsonAnswer(protocol, status, { message, ...fields })
    return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': code } }
  }
  const answer = jsonAnswer(protocol, status, { __type: code, message, ...fields })
  if (queryCode === null) return answer
  const sender = status < 500 ? 'Sender' : 'Receiver'
  return { ...answer, headers: { ...answer.headers, 'x-amzn-query-error': `${queryCode};${sender}` } }
}

const xml: Readonly<Record<string, string>> = { 'content-type': 'text/xml' }

const CONTENT_TYPES: Readonly<Record<Exclude<Protocol, 'query'>, string>> = {
  'json-1.0': 'application/x-amz-json-1.0',
  'json-1.1': 'application/x-amz-json-1.1',
  'rest-json': 'application/json',
}

function jsonAnswer(protocol: Exclude<Protocol, 'query'>, status: number, body: object): WireAnswer {
  return { status, headers: { 'content-type': CONTENT_TYPES[protocol] }, body: JSON.stringify(body) }
}
