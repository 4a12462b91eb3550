import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A server before an API. */
export interface ApiProxy {
  readonly url: string
  close(): void
}

/** Passes calls on to an API, and changes a letter in the code that comes back. */
export function startSpoilingProxy(apiUrl: string): Promise<ApiProxy> {
  const spoil = (chunk: Buffer) => Buffer.from(chunk.map((byte) => (byte === 97 ? 98 : byte)))
  const proxy = createServer(passOn(apiUrl, (url) => (url.endsWith('/bundle.mjs') ? spoil : null)))
  return listening(proxy, 'http')
}

/** Passes calls on to an API from an address with TLS. */
export async function startTlsProxy(
  apiUrl: string,
  folder: string,
): Promise<ApiProxy & { readonly certificate: string }> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject], {
    stdio: 'ignore',
  })
  const credentials = { key: readFileSync(key), cert: readFileSync(certificate) }
  return { ...(await listening(createTlsServer(credentials, passOn(apiUrl)), 'https')), certificate }
}

function passOn(apiUrl: string, changeOf: (url: string) => ((chunk: Buffer) => Buffer) | null = () => null) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { method, url = '/', headers } = request
    const passed = httpRequest(new URL(url, apiUrl), { method, headers, agent: false }, (answer) => {
      const change = changeOf(url)
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('data', (chunk: Buffer) => response.write(change === null ? chunk : change(chunk)))
      answer.on('end', () => response.end())
    })
    request.pipe(passed)
  }
}

async function listening(proxy: Server, protocol: 'http' | 'https'): Promise<ApiProxy> {
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  const close = (): void => {
    proxy.closeAllConnections()
    proxy.close()
  }
  return { url: `${protocol}://localhost:${port}`, close }
}

/** True where certificates can be made. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false // Not on this machine; the test says so.
  }
}
