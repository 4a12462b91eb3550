const EVERY_MS = 20

/** The longest time for which the event loop did not turn while the work was done, in milliseconds. */
export async function longestPause(work: () => Promise<void>): Promise<number> {
  let last = performance.now()
  let longest = 0
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last - EVERY_MS)
    last = now
  }
  const timer = setInterval(look, EVERY_MS)
  await work()
  clearInterval(timer)
  look()
  return longest
}
