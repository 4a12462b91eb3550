import type { StandardSchema } from '@fairlead/executor'
import { validateValue } from './validate-value.ts'

/** Why an executor with this schema does not take a task's `executorConfig`, or null when it does. */
export async function configProblem(schema: StandardSchema | null, executorConfig: unknown): Promise<string | null> {
  const isGiven = executorConfig !== undefined && executorConfig !== null
  if (schema === null) return isGiven ? 'it takes no executorConfig' : null
  const judged = await validateValue(schema, executorConfig ?? {})
  return judged.kind === 'valid' ? null : judged.problem
}
