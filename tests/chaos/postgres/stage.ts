import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ComponentProcess } from '../../../testkit/component-process.ts'
import { CutProxy } from '../../../testkit/cut-proxy.ts'
import { freePort } from '../../../testkit/free-port.ts'
import { TestInstallation } from '../../../testkit/installation.ts'
import { OwnPostgres } from '../../../testkit/own-postgres.ts'
import { RestClient } from '../../../testkit/rest-client.ts'
import { runOnDatabase, type ThrowawayDatabase } from '../../../testkit/throwaway-database.ts'
import { STREAM_DAG } from './stream.ts'

/** One process of the stage, and its own line to the database. */
export interface Part {
  readonly name: string
  readonly process: ComponentProcess
  readonly database: CutProxy
}

const COMMANDS = {
  'scheduler-1': ['scheduler'],
  'scheduler-2': ['scheduler'],
  'api-server': ['api-server'],
  'dag-processor': ['dag-processor'],
} as const

/** A part by its name. */
export type PartName = keyof typeof COMMANDS

/** An installation on a PostgreSQL server of its own, with a line to cut between any two processes. */
export class Stage {
  readonly postgres: OwnPostgres
  readonly database: ThrowawayDatabase
  readonly installation: TestInstallation
  readonly parts: readonly Part[]
  /** Between workers and the API. */
  readonly apiLine: CutProxy

  private constructor(base: Pick<Stage, 'postgres' | 'database' | 'installation' | 'apiLine'>, parts: readonly Part[]) {
    this.postgres = base.postgres
    this.database = base.database
    this.installation = base.installation
    this.apiLine = base.apiLine
    this.parts = parts
  }

  /**
   * `executorSettings` and `env` shorten or lengthen times; the part `farAway` is as if on another machine. Nothing is
   * started.
   */
  static async open(
    executorSettings: Readonly<Record<string, unknown>>,
    env: Readonly<Record<string, string>>,
    farAway: PartName | null = null,
  ): Promise<Stage> {
    const postgres = await OwnPostgres.start()
    const database = await postgres.createDatabase()
    const apiPort = await freePort()
    const apiLine = await CutProxy.open({ host: '127.0.0.1', port: apiPort })
    const installation = await TestInstallation.open(
      { 'stream.ts': STREAM_DAG },
      {
        FAIRLEAD__API__PORT: String(apiPort),
        FAIRLEAD__API__BASE_URL: `http://127.0.0.1:${apiLine.port}`,
        FAIRLEAD__CORE__PARALLELISM: '8',
        ...env,
      },
    )
    const executors = { LocalExecutor: { executor: 'LocalExecutor', settings: executorSettings } }
    writeFileSync(join(installation.folder, 'fairlead.config.mjs'), `export default ${JSON.stringify({ executors })}\n`)
    writeFileSync(join(installation.folder, 'journal'), '')
    const { hostname: host, port } = new URL(database.url)
    const parts: Part[] = []
    for (const [name, command] of Object.entries(COMMANDS)) {
      const line = await CutProxy.open({ host, port: Number(port) })
      const process = installation.component(name, command, {
        FAIRLEAD__DATABASE__URL: line.urlOf(database.url),
        ...(name === farAway ? anotherMachine(installation.folder) : {}),
      })
      parts.push({ name, process, database: line })
    }
    return new Stage({ postgres, database, installation, apiLine }, parts)
  }

  part(name: PartName): Part {
    const found = this.parts.find((part) => part.name === name)
    if (found === undefined) throw new Error(`There is no part "${name}".`)
    return found
  }

  /** What tasks write of themselves. */
  get journal(): string {
    return join(this.installation.folder, 'journal')
  }

  /** The worker host that runs now, or null. */
  get workerHostPid(): number | null {
    try {
      const text = readFileSync(join(this.installation.folder, '.fairlead/run/LocalExecutor/host.json'), 'utf8')
      return (JSON.parse(text) as { pid: number }).pid
    } catch {
      return null // None has been started yet, or one is just taking the folder.
    }
  }

  query<T extends object>(text: string): Promise<T[]> {
    return runOnDatabase<T>(this.database.url, text)
  }

  /** A client that speaks to the API server itself, past the line that is cut. */
  login(): Promise<RestClient> {
    const password = readFileSync(join(this.installation.folder, '.fairlead/keys/admin-password'), 'utf8').trim()
    const url = `http://127.0.0.1:${this.installation.env['FAIRLEAD__API__PORT']}`
    return RestClient.login(url, { username: 'admin', password })
  }

  /** Carries every line again. */
  mend(): void {
    for (const line of [this.apiLine, ...this.parts.map(({ database }) => database)]) line.mend()
  }

  /** Lets go of everything; `keepsFolder` for whoever must look what happened. */
  async close(keepsFolder: boolean): Promise<void> {
    if (keepsFolder) await this.installation.stop().catch(() => this.installation.killAll())
    else await this.installation.dispose()
    for (const line of [this.apiLine, ...this.parts.map(({ database }) => database)]) await line.close()
    await this.database.drop()
    await this.postgres.stop()
  }
}

/** A home folder of its own, so that it shares no worker host; compiled Dags and logs are on a disk that both see. */
function anotherMachine(folder: string): Record<string, string> {
  const [near, far] = [join(folder, '.fairlead'), join(folder, 'far')]
  mkdirSync(join(near, 'bundles'), { recursive: true })
  mkdirSync(far)
  symlinkSync(join(near, 'bundles'), join(far, 'bundles'))
  return {
    FAIRLEAD_HOME: far,
    FAIRLEAD__LOGGING__BASE_LOG_FOLDER: join(near, 'logs'),
    FAIRLEAD__SECURITY__KEYS_FOLDER: join(near, 'keys'),
  }
}
