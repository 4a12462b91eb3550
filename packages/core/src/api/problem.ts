import { z } from 'zod'

/** Body of every error that the REST API answers (RFC 9457), with a code and what to do. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    remedy: z.string().optional(),
    errors: z.array(z.object({ loc: z.array(z.string()), msg: z.string(), type: z.string() })).optional(),
  })
  .meta({ id: 'Problem' })
/** See {@link problemSchema}. */
export type ProblemBody = z.infer<typeof problemSchema>

/** Codes of errors that the REST API answers. */
export const PROBLEM_CODES = [
  'BAD_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'TOO_LARGE',
  'INVALID',
  'TOO_MANY_LOGINS',
  'NOT_ACCEPTABLE',
  'INTERNAL',
  'EXECUTOR_FAILED',
  'UNAVAILABLE',
] as const
/** One of {@link PROBLEM_CODES}. */
export type ProblemCode = (typeof PROBLEM_CODES)[number]

const STATUS_AND_TITLE: Readonly<Record<ProblemCode, readonly [number, string]>> = {
  BAD_REQUEST: [400, 'Bad request'],
  UNAUTHENTICATED: [401, 'Not authenticated'],
  FORBIDDEN: [403, 'Not allowed'],
  NOT_FOUND: [404, 'Not found'],
  NOT_ACCEPTABLE: [406, 'Not acceptable'],
  CONFLICT: [409, 'Conflict'],
  TOO_LARGE: [413, 'Request too large'],
  INVALID: [422, 'Invalid request'],
  TOO_MANY_LOGINS: [429, 'Too many logins'],
  INTERNAL: [500, 'Internal error'],
  EXECUTOR_FAILED: [502, 'Executor failed'],
  UNAVAILABLE: [503, 'Not available'],
}

/** An answer that is an error. Thrown by a handler, written by the server. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly code: ProblemCode
  readonly remedy: string | undefined
  readonly errors: ProblemBody['errors']

  constructor(code: ProblemCode, detail: string, more: { remedy?: string; errors?: ProblemBody['errors'] } = {}) {
    super(detail)
    this.code = code
    this.remedy = more.remedy
    this.errors = more.errors
  }

  /** The HTTP status of the answer. */
  get status(): number {
    return STATUS_AND_TITLE[this.code][0]
  }

  /** The body of the answer. */
  get body(): ProblemBody {
    const [status, title] = STATUS_AND_TITLE[this.code]
    return {
      type: 'about:blank',
      title,
      status,
      code: this.code,
      detail: this.message,
      ...(this.remedy === undefined ? {} : { remedy: this.remedy }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    }
  }
}

/** The error for a thing that is not there, which it names. */
export function notFound(kind: string, name: string, remedy?: string): ApiProblem {
  return new ApiProblem('NOT_FOUND', `There is no ${kind} "${name}".`, remedy === undefined ? {} : { remedy })
}
