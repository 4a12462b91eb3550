import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { ExecutorHost } from '@fairlead/executor'
import type { DispatchId, ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { dispatchFolder, LOG_LABEL } from './container.js'
import type { InspectedContainer } from './engine.js'
import type { DockerSettings } from './settings.js'

/**
 * Files that containers and this machine share. A workload travels in a file of its own, which only its container can
 * see, because it holds the launch ticket.
 */
export class DispatchFolders {
  readonly #host: ExecutorHost

  constructor(host: ExecutorHost) {
    this.#host = host
  }

  async make(workload: ExecuteTask, { apiUrl, killGraceMs }: DockerSettings): Promise<void> {
    const folder = dispatchFolder(this.#host, workload.taskInstance.dispatchId)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const text = JSON.stringify({ workload, apiUrl: apiUrl ?? this.#host.apiUrl, killGraceMs })
    await replace(join(folder, 'workload.json'), text)
  }

  /** What the worker said of the end, or null when it was not able to. */
  async verdictOf(dispatchId: DispatchId): Promise<WorkloadExit | null> {
    try {
      const text = await readFile(join(dispatchFolder(this.#host, dispatchId), 'exit.json'), 'utf8')
      return JSON.parse(text) as WorkloadExit
    } catch {
      return null // Its container was killed before it wrote, or in the middle of it.
    }
  }

  /** Writes a container's log where the server looks for it. */
  async keepLog({ Config }: InspectedContainer, log: AsyncIterable<string>): Promise<void> {
    const logPath = Config.Labels[LOG_LABEL]
    if (logPath === undefined) return
    const file = resolve(this.#host.logFolder, logPath)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await replace(file, log)
  }

  async remove(dispatchId: DispatchId): Promise<void> {
    await rm(dispatchFolder(this.#host, dispatchId), { recursive: true, force: true })
  }
}

/** Writes beside and renames: a reader finds the whole file, or the one before. */
async function replace(file: string, content: string | AsyncIterable<string>): Promise<void> {
  await writeFile(`${file}.part`, content, { mode: 0o600 })
  await rename(`${file}.part`, file)
}
