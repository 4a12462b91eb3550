/** Hands what arrives while a batch is under way to the next batch, so that many callers share one commit. */
export interface Batcher<Item, Answer> {
  add(item: Item): Promise<Answer>
  /** Resolves when nothing is under way any more. */
  drain(): Promise<void>
}

interface Waiting<Item, Answer> {
  readonly item: Item
  resolve(answer: Answer): void
  reject(error: unknown): void
}

const MOST_PER_BATCH = 500

/**
 * Opens a batcher over `work`, which answers in the order asked. A batch that fails is tried again one by one, unless
 * the error `isEverybodys`: then each would only wait for the same.
 */
export function openBatcher<Item, Answer>(
  work: (items: readonly Item[]) => Promise<readonly Answer[]>,
  isEverybodys: (error: unknown) => boolean = () => false,
): Batcher<Item, Answer> {
  let waiting: Waiting<Item, Answer>[] = []
  let loop: Promise<void> | null = null
  const run = async () => {
    // One turn later, so that calls of the same turn share the first batch too.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MOST_PER_BATCH)
      waiting = waiting.slice(MOST_PER_BATCH)
      await settleBatch(batch, work, isEverybodys)
    }
    loop = null
  }
  return {
    add: (item) =>
      new Promise<Answer>((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        loop ??= run()
      }),
    drain: async () => loop ?? undefined,
  }
}

async function settleBatch<Item, Answer>(
  batch: readonly Waiting<Item, Answer>[],
  work: (items: readonly Item[]) => Promise<readonly Answer[]>,
  isEverybodys: (error: unknown) => boolean,
): Promise<void> {
  try {
    const answers = await work(batch.map(({ item }) => item))
    batch.forEach(({ resolve, reject }, index) => {
      const answer = answers[index]
      if (answer === undefined) reject(new Error('A batch answered fewer items than it was asked.'))
      else resolve(answer)
    })
  } catch (error) {
    if (batch.length === 1 || isEverybodys(error)) for (const one of batch) one.reject(error)
    // One bad item must not fail the others.
    else for (const one of batch) await settleBatch([one], work, isEverybodys)
  }
}
