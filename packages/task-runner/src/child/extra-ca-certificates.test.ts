import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { applyExtraCaCertificates } from './extra-ca-certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-ca-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it.skipIf(!hasOpenssl())('trusts the extra certificates beside the usual ones (needs openssl)', async () => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
    {
      stdio: 'ignore',
    },
  )
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) =>
    response.end('hello'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`

  await expect(fetch(url)).rejects.toThrow('fetch failed')
  applyExtraCaCertificates(cert)
  expect(await (await fetch(url)).text()).toBe('hello')
  server.closeAllConnections()
  server.close()
})

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    // Not on this machine; the test says so.
    return false
  }
}
