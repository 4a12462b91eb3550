import type { ConformanceHooks } from '@fairlead/executor/conformance'

/** Hooks for the conformance kit. */
export function hooksOf(): ConformanceHooks {
  return {}
}
