import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { throwawayPostgres, type ThrowawayDatabase } from './throwaway-database.ts'

const ROOT = process.env['FAIRLEAD_REPOSITORY'] ?? process.cwd()

/** A PostgreSQL server of a test's own, which it may restart. */
export class OwnPostgres {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly url: string

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, url: string) {
    this.#child = child
    this.#lines = lines
    this.url = url
  }

  static async start(): Promise<OwnPostgres> {
    const child = spawn(process.execPath, [join(ROOT, 'scripts/services.mjs'), 'serve'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await nextLine(lines)
    return new OwnPostgres(child, lines, (JSON.parse(first) as { url: string }).url)
  }

  createDatabase(): Promise<ThrowawayDatabase> {
    return throwawayPostgres(this.url)
  }

  /** Restarts it; `immediate` is a crash. Resolves when it takes connections again. */
  async restart(mode: 'fast' | 'immediate'): Promise<void> {
    this.#child.stdin?.write(`restart ${mode}\n`)
    await nextLine(this.#lines)
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end()
    if (this.#child.exitCode === null) await new Promise((resolve) => this.#child.once('exit', resolve))
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next()
  if (done === true) throw new Error('The PostgreSQL server of this test has ended.')
  return value
}
