/**
 * The part of the Standard Schema interface that core uses; zod, valibot and arktype schemas fit. `Input` is what a value
 * may look like before validation, for types at the call site alone.
 */
export interface StandardSchema<Input = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): StandardResult | Promise<StandardResult>
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined
  }
}

/** Outcome of a Standard Schema validation. */
export type StandardResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | {
      readonly issues: ReadonlyArray<{
        readonly message: string
        readonly path?: ReadonlyArray<PropertyKey | { key: PropertyKey }> | undefined
      }>
    }
