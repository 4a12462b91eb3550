import type { DagTest } from '@fairlead/core'
import type { DagTestOptions, TestConnection } from '@fairlead/sdk'
import { jsonProblem, parseConnection } from '@fairlead/sdk/runtime'

type Secrets = DagTest['secrets']

/** The variables and connections of a test as they are kept. Throws for what is none, and never repeats it. */
export function testSecrets({ variables = {}, connections = {} }: DagTestOptions): Secrets {
  return {
    variables: Object.entries(variables).map(([key, value]) => ({ key, value: textOf(key, value) })),
    connections: Object.entries(connections).map(([id, connection]) => {
      const { extra, ...fields } = parseConnection(id, connectionText(connection))
      return { ...fields, extra: JSON.stringify(extra) }
    }),
  }
}

function textOf(key: string, value: unknown): string {
  if (typeof value === 'string') return value
  const problem = jsonProblem(value, `Variable "${key}"`)
  if (problem !== null) throw new Error(`${problem}. Give a text, or a value that JSON can hold.`)
  return JSON.stringify(value)
}

/** One of Airflow's two forms. */
function connectionText(connection: TestConnection): string {
  if (typeof connection === 'string') return connection
  return JSON.stringify({ conn_type: connection['connType'], ...connection })
}
