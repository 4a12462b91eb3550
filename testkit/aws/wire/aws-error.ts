/** An error as a service answers it. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number
  /** Members of the error beside its message. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Code of the query protocol, where the service keeps one from its past (SQS). */
  readonly queryCode: string | null

  constructor(code: string, message: string, more: AwsErrorDetail = {}) {
    super(message)
    this.name = 'AwsError'
    this.code = code
    this.status = more.status ?? 400
    this.fields = more.fields ?? {}
    this.queryCode = more.queryCode ?? null
  }
}

/** What an error may say beside code and message. */
export interface AwsErrorDetail {
  readonly status?: number
  readonly fields?: Readonly<Record<string, unknown>>
  readonly queryCode?: string
}
