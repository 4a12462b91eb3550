import { LOCATE_SLOT, readSlot } from './symbols.ts'

/** `file:line` of the author's code that is calling, while a Dag file is parsed; null anywhere else, at no cost. */
export function locateAuthor(): string | null {
  return readSlot<() => string | null>(LOCATE_SLOT)?.() ?? null
}
