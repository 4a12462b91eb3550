import { spawn } from 'node:child_process'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'

const context = fileURLToPath(new URL('../../packages/task-runner', import.meta.url))
const PARTS = ['Dockerfile', 'LICENSE', 'NOTICE', 'dist/worker.cjs', 'dist/child.cjs']

/** Builds the worker's image from its Dockerfile, on a base that the engine has. What the engine says is the answer. */
export async function buildWorkerImage(socketPath: string, tag: string, base: string): Promise<string> {
  const query = new URLSearchParams({
    t: tag,
    buildargs: JSON.stringify({ BASE_IMAGE: base }),
    networkmode: 'none',
    pull: 'false',
    rm: 'true',
  })
  const tar = spawn('tar', ['-C', context, '-c', '--owner=0', '--group=0', ...PARTS], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await new Promise<string>((resolve, reject) => {
    const path = `/build?${query.toString()}`
    const headers = { 'content-type': 'application/x-tar' }
    const sent = request({ socketPath, method: 'POST', path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks).toString()))
    })
    sent.on('error', reject)
    tar.stdout.pipe(sent)
  })
  if (!said.includes('Successfully tagged')) throw new Error(`The engine did not build the image: ${said}`)
  return said
}
