/** What a command has of the world: its environment, where it was started, and where it writes. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly isInteractive: boolean
  /** Characters a line may have. */
  readonly columns: number
  /** Results. */
  out(text: string): void
  /** Everything that is not a result. */
  err(text: string): void
  readonly signal: AbortSignal
  /** Goes on when whoever read the output has gone: for servers. Other commands end then. */
  doWithoutReaders(): void
}
