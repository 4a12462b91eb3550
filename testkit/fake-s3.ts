import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The few calls of S3 that logs need, over HTTP in path style, as the SDK sends them to an address of its own. */
export interface FakeS3 {
  /** What a process needs in its environment to find it. */
  readonly environment: Readonly<Record<string, string>>
  /** Contents by `bucket/key`. */
  readonly objects: Map<string, Buffer>
  /** Refuses everything, as for a role without permission. */
  isForbidden: boolean
  close(): Promise<void>
}

/** Starts an empty one. */
export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>()
  const server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '').split('?')[0] ?? '').slice(1)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const refuse = (status: number, code: string): void => {
        response.writeHead(status, { 'content-type': 'application/xml' })
        response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`)
      }
      if (fake.isForbidden) return refuse(403, 'AccessDenied')
      if (request.method === 'PUT') {
        const isChunked = String(request.headers['content-encoding'] ?? '').includes('aws-chunked')
        objects.set(name, isChunked ? dechunked(Buffer.concat(chunks)) : Buffer.concat(chunks))
        return void response.writeHead(200, { etag: '"1"' }).end()
      }
      const content = objects.get(name)
      if (content === undefined) return refuse(404, 'NoSuchKey')
      response.writeHead(200, { 'content-length': content.length, etag: '"1"' }).end(content)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const fake: FakeS3 = {
    environment: {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-north-1',
      AWS_ACCESS_KEY_ID: 'nobody',
      AWS_SECRET_ACCESS_KEY: 'nothing',
    },
    objects,
    isForbidden: false,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return fake
}

/** The content of a body in the encoding `aws-chunked`: `size;extension CRLF bytes CRLF … 0 CRLF trailers`. */
function dechunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let place = 0; place < body.length;) {
    const lineEnd = body.indexOf('\r\n', place)
    const size = Number.parseInt(body.toString('latin1', place, lineEnd), 16)
    if (!(size > 0)) break
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    place = lineEnd + 2 + size + 2
  }
  return Buffer.concat(parts)
}
