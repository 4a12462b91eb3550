/** A failure that the plan ordered: of the database, of a machine. Any other is a bug. */
export class OrderedFailure extends Error {
  override readonly name = 'OrderedFailure'
}
