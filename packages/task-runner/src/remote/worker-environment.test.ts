import { describe, expect, it } from 'vitest'
import { parseWorkerEnvironment } from './worker-environment.ts'

const TOLD = {
  FAIRLEAD__WORKER__API_URL: 'https://fairlead.example.com',
  FAIRLEAD__WORKER__DISPATCH_ID: '01890000-0000-7000-8000-000000000002',
  FAIRLEAD__WORKER__TICKET: 'ticket',
}

describe('the environment of a worker', () => {
  it('says what to run, and where', () => {
    expect(parseWorkerEnvironment({ ...TOLD, FAIRLEAD__WORKER__KILL_GRACE: '1.5', OTHER: 'x' })).toMatchObject({
      kind: 'told',
      options: {
        apiUrl: 'https://fairlead.example.com',
        dispatchId: TOLD.FAIRLEAD__WORKER__DISPATCH_ID,
        ticket: 'ticket',
        killGraceMs: 1500,
      },
    })
  })

  it('may leave empty what is optional', () => {
    const parsed = parseWorkerEnvironment({ ...TOLD, FAIRLEAD__WORKER__LOG_URL: '' })
    expect(parsed).toMatchObject({ kind: 'told', options: { logUrl: undefined, folder: undefined } })
  })

  it.each([
    ['FAIRLEAD__WORKER__API_URL', '', 'is missing'],
    ['FAIRLEAD__WORKER__TICKET', '', 'is missing'],
    ['FAIRLEAD__WORKER__DISPATCH_ID', '', 'is missing'],
    ['FAIRLEAD__WORKER__DISPATCH_ID', '../x', 'is no dispatch id'],
    ['FAIRLEAD__WORKER__LAUNCH_TIMEOUT', 'soon', 'must be a number of seconds'],
    ['FAIRLEAD__WORKER__KILL_GRACE', '-1', 'must be a number of seconds'],
  ])('%s="%s" %s', (name, value, problem) => {
    expect(parseWorkerEnvironment({ ...TOLD, [name]: value })).toEqual({
      kind: 'invalid',
      detail: expect.stringMatching(new RegExp(`${name} ${problem}`)) as string,
    })
  })
})
