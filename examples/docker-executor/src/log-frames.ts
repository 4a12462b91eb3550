const HEADER_BYTES = 8

/**
 * The text of a container's log. The engine sends standard output and standard error in frames: eight bytes, of which the
 * last four are the length, and so many bytes of text.
 */
export async function* textOfFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk])
    for (let end = endOfFrame(rest); end !== null && end <= rest.length; end = endOfFrame(rest)) {
      yield decoder.decode(rest.subarray(HEADER_BYTES, end), { stream: true })
      rest = rest.subarray(end)
    }
  }
}

/** Where the first frame ends, or null while its header is not complete. */
function endOfFrame(bytes: Buffer): number | null {
  return bytes.length < HEADER_BYTES ? null : HEADER_BYTES + bytes.readUInt32BE(4)
}
