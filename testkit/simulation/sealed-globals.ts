import fs from 'node:fs'
import crypto from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'

/**
 * While a history runs, nothing reaches the real clock, chance or disk: `Date.now`, `Math.random`, `performance.now`,
 * timers, `fs` and the random functions of `crypto` throw. `new Date()` is an invalid date instead: croner makes one
 * beside every reference it is given and drops it, and whoever looks into it finds no number.
 */

const promises = createRequire(import.meta.url)('node:fs/promises') as typeof import('node:fs/promises')
const RANDOM = ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID'] as const
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate'] as const

type Members = Record<string, unknown>

/** Seals the globals; answers how to open them again. */
export function sealGlobals(): () => void {
  const undo: Array<() => void> = []
  const forbid = (owner: object, name: string, label: string): void => {
    const members = owner as Members
    const original = Object.getOwnPropertyDescriptor(members, name)
    if (original === undefined) return
    Object.defineProperty(members, name, { ...withoutAccessors(original), value: forbidden(label) })
    undo.push(() => Object.defineProperty(members, name, original))
  }
  for (const name of TIMERS) {
    forbid(globalThis, name, name)
    forbid(timers, name, `node:timers ${name}`)
    forbid(timersPromises, name, `node:timers/promises ${name}`)
  }
  forbid(AbortSignal, 'timeout', 'AbortSignal.timeout')
  forbid(Math, 'random', 'Math.random')
  forbid(performance, 'now', 'performance.now')
  forbid(Object.getPrototypeOf(performance) as object, 'now', 'performance.now')
  forbid(process, 'hrtime', 'process.hrtime')
  for (const name of ['getRandomValues', 'randomUUID']) {
    forbid(Object.getPrototypeOf(crypto.webcrypto) as object, name, `crypto.${name}`)
  }
  for (const name of RANDOM) forbid(crypto, name, `crypto.${name}`)
  for (const [owner, label] of [
    [fs, 'fs'],
    [promises, 'fs.promises'],
  ] as const) {
    for (const [name, value] of Object.entries(owner)) {
      if (typeof value === 'function' && !/^[A-Z]/.test(name)) forbid(owner, name, `${label}.${name}`)
    }
  }
  const realDate = globalThis.Date
  globalThis.Date = sealedDate(realDate)
  undo.push(() => {
    globalThis.Date = realDate
  })
  syncBuiltinESMExports()
  return () => {
    for (const step of undo.reverse()) step()
    syncBuiltinESMExports()
  }
}

function sealedDate(realDate: DateConstructor): DateConstructor {
  const now = forbidden('Date.now')
  return new Proxy(realDate, {
    construct: (target, given: unknown[]) =>
      Reflect.construct(target, given.length === 0 ? [Number.NaN] : given) as Date,
    apply: () => forbidden('Date()')(),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  })
}

function withoutAccessors({ configurable, enumerable }: PropertyDescriptor): PropertyDescriptor {
  return { configurable: configurable ?? true, enumerable: enumerable ?? false, writable: true }
}

function forbidden(name: string): () => never {
  return () => {
    throw new Error(`${name} is not simulated: take time, chance and files from parameters.`)
  }
}
