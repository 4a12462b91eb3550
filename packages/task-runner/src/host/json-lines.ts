import type { Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'

/** Reads one JSON value a line from a socket; what is not JSON ends the connection. */
export function readJsonLines(socket: Socket, onValue: (value: unknown) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const value = parse(line)
      if (value === undefined) return void socket.destroy(new Error('the other side sent a line that is not JSON'))
      onValue(value)
    }
  })
}

/** Writes one JSON value as a line; quiet when the connection is gone. */
export function writeJsonLine(socket: Socket, value: unknown): void {
  if (!socket.writable) return
  socket.write(`${JSON.stringify(value)}\n`)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Handled by the caller.
    return undefined
  }
}
