import { describe, expect, it } from 'vitest'
import { linesOf, superviseTasks } from '../../../testkit/supervised-tasks.ts'

const tasks = superviseTasks()

describe('a variable', () => {
  it('is kept on the server, as text or JSON, unless the environment has it', async () => {
    process.env['FAIRLEAD_VAR_HOME'] = 'from the environment'
    tasks.api.variables.set('home', 'from the server')
    await tasks.run('variables')
    delete process.env['FAIRLEAD_VAR_HOME']
    const seen = tasks.api.xcoms.get('variables/return_value')
    expect(seen).toEqual(['{"steps":3}', { steps: 3 }, null, 'from the environment'])
    expect(tasks.api.variables.get('plan')).toBe('{"steps":3}')
  })

  it('that is no JSON says so', async () => {
    tasks.api.variables.set('words', 'plain words')
    const { id } = await tasks.run('noJson')
    expect(tasks.api.states.get(id)).toMatchObject([{ state: 'failed', error: { message: /"words" is not JSON/ } }])
  })
})

it('keeps secrets out of the log and out of the reported error, in every form', async () => {
  process.env['FAIRLEAD_CONN_OWN'] = 'http://me:own%20word@example.test'
  tasks.api.connections.set('db', {
    conn_id: 'db',
    conn_type: 'postgres',
    host: 'db.example',
    login: 'ada',
    password: 'tell "no one"',
    schema: null,
    port: 5432,
    extra: '{"api_token":"t0ken","sslmode":"require"}',
  })
  const { id, log } = await tasks.run('connects')
  delete process.env['FAIRLEAD_CONN_OWN']
  const [state] = tasks.api.states.get(id) ?? []
  expect(state?.error?.message).toBe('db.example:5432 refused ***')
  const printed = linesOf(log).map(({ event }) => event)
  expect(printed).toEqual(expect.arrayContaining(['*** and ***', '***, and: ***']))
  for (const secret of ['no one', 't0ken', 'own word', 'own%20word', 'sesame', 'open please']) {
    expect(log + JSON.stringify(state)).not.toContain(secret)
  }
})
