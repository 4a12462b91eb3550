import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { SourceMap, type SourceMapPayload } from 'node:module'
import type { Socket } from 'node:net'

/** A debugger: speaks the inspector protocol over a WebSocket, as an editor does. */
export class DebuggerClient {
  readonly #socket: Socket
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>()
  readonly #scripts: Script[] = []
  readonly #pauses: Pause[] = []
  #lastId = 0
  #received: Buffer = Buffer.alloc(0)
  #text = ''

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    // The process that is debugged may end at any time.
    socket.on('error', () => undefined)
    this.#receive(head)
  }

  /** Attaches to the process that listens at `ws://…`. */
  static attach(url: string): Promise<DebuggerClient> {
    const { hostname, port, pathname } = new URL(url)
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    }
    return new Promise((resolve, reject) => {
      const upgrade = request({ hostname, port, path: pathname, headers })
      upgrade.once('upgrade', (_response, socket, head) => resolve(new DebuggerClient(socket, head)))
      upgrade.once('error', reject)
      upgrade.end()
    })
  }

  /** Calls a method of the protocol. */
  call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    this.#lastId += 1
    const id = this.#lastId
    this.#send(JSON.stringify({ id, method, params }))
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  /** Scripts that were loaded, with the sources that their maps name. */
  get scripts(): readonly Script[] {
    return this.#scripts
  }

  /** Where the process stopped and has not been told to go on. */
  get pauses(): readonly Pause[] {
    return this.#pauses
  }

  /** Lets a stopped process go on. */
  async resume(): Promise<void> {
    this.#pauses.shift()
    await this.call('Debugger.resume')
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (let frame = readFrame(this.#received); frame !== null; frame = readFrame(this.#received)) {
      this.#received = this.#received.subarray(frame.length)
      this.#text += frame.text
      if (!frame.isLast) continue
      const text = this.#text
      this.#text = ''
      if (text !== '') this.#hear(JSON.parse(text) as Message)
    }
  }

  #hear({ id, method, params = {}, result = {} }: Message): void {
    if (id !== undefined) this.#answers.get(id)?.(result)
    if (method === 'Debugger.scriptParsed') this.#scripts.push(scriptOf(params as unknown as ScriptParsed))
    if (method === 'Debugger.paused') this.#pauses.push(params as unknown as Pause)
  }

  /** Clients mask what they send; the text is short enough for one frame. */
  #send(text: string): void {
    const payload = Buffer.from(text)
    const mask = randomBytes(4)
    const size = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff]
    this.#socket.write(
      Buffer.concat([Buffer.from([0x81, ...size]), mask, payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]),
    )
  }
}

/** A loaded script. */
export interface Script {
  readonly scriptId: string
  readonly url: string
  readonly sourceMap: SourceMap | null
}

/** A stop: the innermost frame first; lines count from 0. */
export interface Pause {
  readonly hitBreakpoints?: readonly string[]
  readonly callFrames: ReadonlyArray<{
    readonly callFrameId: string
    readonly functionName: string
    readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number }
  }>
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
}

interface ScriptParsed {
  readonly scriptId: string
  readonly url: string
  readonly sourceMapURL?: string
}

const INLINE = /^data:application\/json[^,]*;base64,/

function scriptOf({ scriptId, url, sourceMapURL = '' }: ScriptParsed): Script {
  if (!INLINE.test(sourceMapURL)) return { scriptId, url, sourceMap: null }
  const json = Buffer.from(sourceMapURL.replace(INLINE, ''), 'base64').toString()
  return { scriptId, url, sourceMap: new SourceMap(JSON.parse(json) as SourceMapPayload) }
}

/** The first frame of a buffer, or null when it is not whole yet. Servers do not mask. */
function readFrame(buffer: Buffer): { text: string; isLast: boolean; length: number } | null {
  if (buffer.length < 2) return null
  const short = (buffer[1] ?? 0) & 0x7f
  const head = short === 127 ? 10 : short === 126 ? 4 : 2
  if (buffer.length < head) return null
  const size = short === 127 ? Number(buffer.readBigUInt64BE(2)) : short === 126 ? buffer.readUInt16BE(2) : short
  if (buffer.length < head + size) return null
  const isText = ((buffer[0] ?? 0) & 0x0f) <= 1
  return {
    text: isText ? buffer.toString('utf8', head, head + size) : '',
    isLast: ((buffer[0] ?? 0) & 0x80) !== 0,
    length: head + size,
  }
}
