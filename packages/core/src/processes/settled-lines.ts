/**
 * The first lines of the audit log before which none can appear any more. Numbers are given before they are committed,
 * so a gap may be a transaction that is still open; an old one is of a transaction that was rolled back.
 */
export function settledLines<L extends { readonly seq: number; readonly at: number }>(
  lines: readonly L[],
  after: number,
  now: number,
): readonly L[] {
  const first = lines.findIndex((line, index) => {
    const expected = (lines[index - 1]?.seq ?? after) + 1
    return line.seq !== expected && line.at > now - LONGEST_TRANSACTION_MS
  })
  return first === -1 ? lines : lines.slice(0, first)
}

const LONGEST_TRANSACTION_MS = 10_000
