import { StringDecoder } from 'node:string_decoder'

/** Cuts a byte stream into lines. A line longer than the limit is handed on in pieces, all but the first marked. */
export class LineSplitter {
  readonly #onLine: (line: string, isContinued: boolean) => void
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #isContinued = false

  constructor(onLine: (line: string, isContinued: boolean) => void) {
    this.#onLine = onLine
  }

  push(chunk: Buffer): void {
    const text = this.#rest + this.#decoder.write(chunk)
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#emit(text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end))
      this.#isContinued = false
      start = end + 1
    }
    this.#rest = text.slice(start)
    if (this.#rest.length <= MAX_LINE_LENGTH) return
    this.#emit(this.#rest)
    this.#isContinued = true
    this.#rest = ''
  }

  /** The stream is over; what is left is a line. */
  end(): void {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    if (rest !== '') this.#emit(rest)
  }

  #emit(line: string): void {
    for (let start = 0; start === 0 || start < line.length; start += MAX_LINE_LENGTH) {
      this.#onLine(line.slice(start, start + MAX_LINE_LENGTH), this.#isContinued || start > 0)
    }
  }
}

/** Longest line of a log file, in UTF-16 code units. A record of the child's console always fits. */
export const MAX_LINE_LENGTH = 64 * 1024
