import { fileURLToPath } from 'node:url'

/** What a container is made from. */
export type Image =
  /** A program of this machine. As in Docker, a task's command replaces `command` and never `entryPoint`. */
  | {
      readonly kind: 'program'
      readonly entryPoint?: readonly string[]
      readonly command?: readonly string[]
      readonly environment?: Readonly<Record<string, string>>
    }
  /** No process at all: it runs this long and exits so. For measurements that must not measure processes. */
  | { readonly kind: 'idle'; readonly runMs: number; readonly exitCode: number }

/** Name of the image that runs the worker of this repository, as it was built. */
export const WORKER_IMAGE = 'fairlead/worker:latest'

/** Images by name. An image that is not here cannot be pulled. */
export class Images {
  readonly #images = new Map<string, Image>([
    [WORKER_IMAGE, { kind: 'program', entryPoint: [process.execPath], command: [workerFile()] }],
    ['sh:latest', { kind: 'program', entryPoint: ['sh', '-c'], command: ['true'] }],
  ])

  define(name: string, image: Image): void {
    this.#images.set(name, image)
  }

  find(name: string): Image | null {
    return this.#images.get(name) ?? null
  }
}

function workerFile(): string {
  return fileURLToPath(new URL('../../../packages/task-runner/dist/worker.cjs', import.meta.url))
}
