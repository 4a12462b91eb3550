import { existsSync } from 'node:fs'
import type { AwsDouble } from '../aws-double.ts'
import { startAwsDouble, type AwsDoubleOptions } from '../index.ts'
import type { Exchange } from '../server.ts'
import { problemsOfExchange, problemsOfRequest } from './problems-of-exchange.ts'
import deviations from './service-model-deviations.json' with { type: 'json' }
import { loadServiceModels } from './service-model.ts'

const folder = process.env['FAIRLEAD_TEST_AWS_MODELS'] ?? ''
const models = existsSync(folder) ? loadServiceModels(folder) : null

/** How a checked double is started. */
export interface CheckedDoubleOptions extends AwsDoubleOptions {
  /** True where every request must be valid too, as those of an executor must. */
  readonly areRequestsChecked?: boolean
}

/**
 * A double that holds each of its answers against AWS's service models, where those are provided: closing it fails when one
 * was not valid, and its deviation is not listed with a reason. Errors in a test's own words are not looked at.
 */
export async function startCheckedDouble(options: CheckedDoubleOptions = {}): Promise<AwsDouble> {
  const problems = new Set<string>()
  const onAnswer = (exchange: Exchange): void => {
    options.onAnswer?.(exchange)
    if (models === null || exchange.isOrdered) return
    const inRequest = options.areRequestsChecked === true ? problemsOfRequest(models, exchange) : []
    for (const problem of [...problemsOfExchange(models, exchange), ...inRequest])
      if (!(problem in deviations)) problems.add(problem)
  }
  const double = await startAwsDouble({ ...options, onAnswer })
  return {
    ...double,
    async close() {
      await double.close()
      if (problems.size > 0) throw new Error(`Not as AWS's service models say: ${[...problems].join('; ')}`)
    },
  }
}
