import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../examples/docker-executor/build-image.mjs', import.meta.url))

/** Image of the tests. */
export const IMAGE = 'fairlead-task:test'

/** Makes the example's image in an engine, as its reader does. */
export function buildExampleImage(socketPath: string): void {
  execFileSync(process.execPath, [script, IMAGE], { env: { ...process.env, DOCKER_SOCKET: socketPath } })
}
