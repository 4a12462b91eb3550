import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { SecureContext, SecureContextOptions } from 'node:tls'

/**
 * What NODE_EXTRA_CA_CERTS does, at the first TLS use instead of at start: contexts made without a `ca` of their own
 * trust the certificates of this file beside Node's.
 */
export function applyExtraCaCertificates(path: string): void {
  // Loaded here and not above: most machines set no such file, and the module takes 4 ms.
  const tls = process.getBuiltinModule('node:tls')
  const create = tls.createSecureContext
  let pem: string | null = null
  const withExtra = (options?: SecureContextOptions): SecureContext => {
    if (options?.ca !== undefined) return create(options)
    pem ??= readOrWarn(path)
    return pem === '' ? create(options) : create({ ...options, ca: [...tls.rootCertificates, pem] })
  }
  tls.createSecureContext = withExtra
  syncBuiltinESMExports()
}

function readOrWarn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    process.emitWarning(`Extra certificates of NODE_EXTRA_CA_CERTS could not be read: ${String(error)}`)
    return ''
  }
}
