import { z } from 'zod'

/** What core says about an executor's class where no instance is at hand. */
const executorFactsSchema = z.object({
  className: z.string(),
  isProduction: z.boolean(),
  isLocal: z.boolean(),
  isSingleThreaded: z.boolean(),
  supportsCallbacks: z.boolean(),
  supportsAdHocTiRun: z.boolean(),
  servesLogs: z.boolean(),
  /** What it says of Sentry, or null; facts that an older process stored do not have it. */
  sentryIntegration: z.string().nullable().default(null),
})

/** See {@link executorFactsSchema}. */
export type ExecutorFacts = z.infer<typeof executorFactsSchema>

/** Facts of a class, of whatever copy of the contract's package it comes. */
export function factsOfClass(executorClass: object): ExecutorFacts {
  const flag = (name: string, fallback: boolean): boolean => {
    const value: unknown = Reflect.get(executorClass, name)
    return typeof value === 'boolean' ? value : fallback
  }
  const name: unknown = Reflect.get(executorClass, 'name')
  return {
    className: typeof name === 'string' ? name : '',
    isProduction: flag('isProduction', true),
    isLocal: flag('isLocal', false),
    isSingleThreaded: flag('isSingleThreaded', false),
    supportsCallbacks: flag('supportsCallbacks', false),
    supportsAdHocTiRun: flag('supportsAdHocTiRun', false),
    servesLogs: flag('servesLogs', false),
    sentryIntegration: sentryIntegrationOf(executorClass),
  }
}

/** A static fact of the class; anything but text counts as none, as in Airflow. */
export function sentryIntegrationOf(executorClass: object): string | null {
  const integration: unknown = Reflect.get(executorClass, 'sentryIntegration')
  return typeof integration === 'string' && integration !== '' ? integration : null
}

/** Facts as they were stored. */
export function parseExecutorFacts(text: string): ExecutorFacts {
  return executorFactsSchema.parse(JSON.parse(text))
}
