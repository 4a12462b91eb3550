import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BaseExecutor, type ExecuteOptions } from '@fairlead/executor'
import { WORKER_ENVIRONMENT, type DispatchId, type TaskInstanceRef, type Workload } from '@fairlead/protocol'

/** What its settings say. */
interface Settings {
  /** Where what it hands over and hears is written. */
  readonly folder: string
  /** The compiled worker. */
  readonly worker: string
  readonly apiUrl?: string
}

/**
 * Hands over by reference: a worker gets nothing but the environment of one. It is a process of its own that outlives the
 * server, and leaves its exit code in a file. Of the queue `held` only the environment is written down.
 */
export class ReferenceExecutor extends BaseExecutor {
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly servesLogs: boolean = true
  override readonly syncIntervalMs: number = 100

  get #settings(): Settings {
    return this.host.settings as unknown as Settings
  }

  override async executeAsync(workload: Workload, { queue }: ExecuteOptions): Promise<string> {
    if (workload.type !== 'ExecuteTask') throw new Error('tasks only')
    const { dispatchId, taskId } = workload.taskInstance
    const environment = {
      [WORKER_ENVIRONMENT.apiUrl]: this.#settings.apiUrl ?? this.host.apiUrl,
      [WORKER_ENVIRONMENT.dispatchId]: dispatchId,
      [WORKER_ENVIRONMENT.ticket]: workload.token,
    }
    mkdirSync(this.#settings.folder, { recursive: true })
    if (existsSync(this.#file(`${dispatchId}.json`))) return dispatchId
    if (queue !== 'held') this.#spawn(dispatchId, environment)
    // Renamed last: who sees it finds all of it.
    writeFileSync(this.#file(`${dispatchId}.part`), JSON.stringify({ taskId, environment }))
    renameSync(this.#file(`${dispatchId}.part`), this.#file(`${dispatchId}.json`))
    return dispatchId
  }

  override async sync(): Promise<void> {
    for (const { dispatchId } of this.runningWorkloads) {
      if (existsSync(this.#file(`${dispatchId}.pid`))) this.running(dispatchId)
      const code = this.#exitCodeOf(dispatchId)
      if (code === null) continue
      if (code === 64 || code === 65) this.fail(dispatchId, { kind: 'neverStarted', detail: `exit code ${code}` })
      else this.ended(dispatchId, { kind: 'exited', exitCode: code })
    }
  }

  override async tryAdoptTaskInstances(taskInstances: readonly TaskInstanceRef[]): Promise<readonly TaskInstanceRef[]> {
    return taskInstances.filter((taskInstance) => {
      const { dispatchId } = taskInstance
      if (!existsSync(this.#file(`${dispatchId}.json`))) return true
      this.adopt(taskInstance, dispatchId)
      return false
    })
  }

  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    await this.withdraw(dispatchId)
    const pidFile = this.#file(`${dispatchId}.pid`)
    while (existsSync(pidFile) && this.#exitCodeOf(dispatchId) === null) {
      try {
        process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
      } catch {
        // It ends just now, and its exit code is on its way.
      }
      await sleep(50, undefined, { signal })
    }
    await this.forget(dispatchId)
  }

  #spawn(dispatchId: DispatchId, environment: Readonly<Record<string, string>>): void {
    const script = `"$0" "$1" >>"$2.out" 2>&1 & echo $! >"$2.pid"; wait $!; echo $? >"$2.exit"`
    const { worker } = this.#settings
    const child = spawn('/bin/sh', ['-c', script, process.execPath, worker, this.#file(dispatchId)], {
      env: { ...process.env, FAIRLEAD__WORKER__FOLDER: this.#file('worker'), ...environment },
      detached: true,
      stdio: 'ignore',
    })
    child.unref()
  }

  #exitCodeOf(dispatchId: DispatchId): number | null {
    const file = this.#file(`${dispatchId}.exit`)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    return text.endsWith('\n') ? Number(text) : null
  }

  #file(name: string): string {
    return join(this.#settings.folder, name)
  }
}
