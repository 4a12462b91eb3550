/** Why a task instance is where it is, in a sentence and in facts. */
export interface Explanation {
  /** One word: the gate that holds it, or `ready`, `queued`, `running`, `settled`. */
  readonly gate: string
  readonly sentence: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** Puts an explanation together. */
export function explanation(gate: string, sentence: string, facts: Readonly<Record<string, unknown>>): Explanation {
  return { gate, sentence, facts }
}

/** A moment as people write it. */
export function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
