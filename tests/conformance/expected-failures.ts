/** Which invariants each deliberately broken executor fails. It passes the rest. */
export const EXPECTED_FAILURES: Readonly<Record<string, readonly string[]>> = {}
