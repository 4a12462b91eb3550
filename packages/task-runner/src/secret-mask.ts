import { MASKED } from '@fairlead/protocol/constants'

/** Shorter texts are no secrets worth the log that hiding them would cost: every `a` would go. */
const SHORTEST = 3

/** The secrets that one task has seen, and texts without them. */
export class SecretMask {
  readonly #forms = new Set<string>()
  #pattern: RegExp | null = null

  /** Hides a text from now on, as it is, line by line, within JSON and percent-encoded. */
  add(secret: string): void {
    for (const part of [secret, ...secret.split('\n').map((line) => line.trim())]) {
      if (part.length < SHORTEST) continue
      for (const form of [part, JSON.stringify(part).slice(1, -1), encodedOf(part)]) this.#forms.add(form)
    }
    // The longest first: a secret may begin with another.
    const forms = [...this.#forms].toSorted((a, b) => b.length - a.length)
    this.#pattern = forms.length === 0 ? null : new RegExp(forms.map(escaped).join('|'), 'g')
  }

  /** The text without any of them. */
  hide(text: string): string {
    return this.#pattern === null ? text : text.replace(this.#pattern, MASKED)
  }
}

function encodedOf(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text // Half of a surrogate pair.
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}
