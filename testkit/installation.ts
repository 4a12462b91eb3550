import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ComponentProcess } from './component-process.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** Components of one installation as real processes on one machine, over one home folder and one database. */
export class TestInstallation {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'fairlead-parts-'))
  /** Every process that comes of this installation carries it in its environment. */
  readonly marker: string = `parts-${process.pid}-${Math.random().toString(36).slice(2)}`
  readonly #env: NodeJS.ProcessEnv
  readonly #processes = new Map<string, ComponentProcess>()

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = {
      ...process.env,
      FAIRLEAD_HOME: join(this.folder, '.fairlead'),
      FAIRLEAD__CORE__DAGS_FOLDER: join(this.folder, 'dags'),
      FAIRLEAD__LOGGING__FORMAT: 'json',
      FAIRLEAD_TEST_MARKER: this.marker,
      ...env,
    }
    mkdirSync(join(this.folder, 'dags'))
  }

  /** `dags` maps file names to sources. Nothing is started. */
  static async open(
    dags: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>>,
  ): Promise<TestInstallation> {
    const port = String(await freePort())
    const installation = new TestInstallation({
      FAIRLEAD__API__PORT: port,
      FAIRLEAD__API__BASE_URL: `http://127.0.0.1:${port}`,
      ...env,
    })
    for (const [name, source] of Object.entries(dags)) writeFileSync(join(installation.folder, 'dags', name), source)
    return installation
  }

  /** The environment of its processes. */
  get env(): NodeJS.ProcessEnv {
    return this.#env
  }

  /** A component by the name of its log; the same one for the same name. */
  component(
    name: string,
    command: readonly string[] = [name],
    env: Readonly<Record<string, string>> = {},
  ): ComponentProcess {
    const known = this.#processes.get(name)
    if (known !== undefined) return known
    const component = new ComponentProcess(name, command, { folder: this.folder, env: { ...this.#env, ...env } })
    this.#processes.set(name, component)
    return component
  }

  /** Runs a command to its end. */
  async run(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ exitCode: unknown; output: string }> {
    const name = `run-${this.#processes.size}`
    const component = this.component(name, command, env)
    component.spawn()
    return { exitCode: await component.ended, output: component.log }
  }

  /** Command lines of the live processes that came of this installation, each after its pid. */
  get processes(): readonly string[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FAIRLEAD_TEST_MARKER=${this.marker}`)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
      } catch {
        return [] // It ended while we looked, or is not ours to see.
      }
    })
  }

  /** Stops every component in order, and waits until no process is left. */
  async stop(): Promise<void> {
    const live = [...this.#processes.values()].filter((component) => !component.hasEnded)
    await Promise.all(live.map((component) => component.kill('SIGTERM')))
    await eventually(() => this.processes.length === 0, { timeoutMs: 60_000 })
  }

  /** Ends what is left, however it is. */
  killAll(): void {
    for (const line of this.processes) process.kill(Number.parseInt(line, 10), 'SIGKILL')
  }

  /** Ends what is left, however it is, and removes the folder. */
  async dispose(): Promise<void> {
    await this.stop().catch(() => this.killAll())
    rmSync(this.folder, { recursive: true, force: true })
  }
}
