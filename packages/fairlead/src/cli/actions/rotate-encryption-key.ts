import { connect, type ConnectOptions } from '../api-client.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead rotate-encryption-key` */
export async function rotateEncryptionKey(
  terminal: Terminal,
  options: OutputOptions & ConnectOptions,
): Promise<number> {
  const api = await connect(terminal, options)
  await printOne(terminal, options, await api.send('POST', '/api/v2/encryptionKey/rotate', {}))
  return EXIT_CODES.ok
}
