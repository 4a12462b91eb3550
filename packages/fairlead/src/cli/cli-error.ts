/** Exit codes of every command. */
export const EXIT_CODES = {
  ok: 0,
  /** The command failed, or what it watched did. */
  failure: 1,
  usage: 2,
  notFound: 3,
  serverUnreachable: 4,
  /** Another server uses the database. */
  inUse: 5,
} as const

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** A command that cannot go on; the message says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
