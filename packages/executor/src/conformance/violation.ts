/** The executor does not do what an invariant asks. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** The invariant cannot be tried here; the message says why. */
export class NotRun extends Error {
  override readonly name = 'NotRun'
}

/** Throws a {@link Violation} with this sentence unless it holds. */
export function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Violation(otherwise)
}

/** Throws a {@link Violation} that shows both values unless they are the same as JSON. */
export function demandEqual(actual: unknown, wanted: unknown, what: string): void {
  const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(wanted)]
  if (is !== shouldBe) throw new Violation(`${what} is ${is}, and should be ${shouldBe}.`)
}
