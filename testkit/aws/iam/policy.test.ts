import { describe, expect, it } from 'vitest'
import { isAllowed, unusedActions, type Need, type Statement } from './policy.ts'

const allow = (more: Partial<Statement>): Statement => ({ Effect: 'Allow', Action: '*', Resource: '*', ...more })
const run: Need = {
  action: 'ecs:RunTask',
  resource: 'arn:aws:ecs:eu-central-1:1:task-definition/worker:3',
  context: { 'ecs:cluster': 'arn:aws:ecs:eu-central-1:1:cluster/jobs' },
}

describe('a policy', () => {
  it.each<[string, Statement | readonly Statement[], boolean]>([
    ['nothing', [], false],
    ['everything', allow({}), true],
    ['the action, whatever its case', allow({ Action: 'ECS:runtask' }), true],
    ['actions by wildcard', allow({ Action: ['sqs:*', 'ecs:Run*'] }), true],
    ['another action', allow({ Action: 'ecs:StopTask' }), false],
    ['the resource by wildcard', allow({ Resource: 'arn:aws:ecs:*:*:task-definition/worker:*' }), true],
    ['one character by question mark', allow({ Resource: 'arn:aws:ecs:*:?:task-definition/worker:?' }), true],
    ['another resource', allow({ Resource: 'arn:aws:ecs:*:*:task-definition/other:*' }), false],
    ['the action, and denying it', [allow({}), { ...allow({ Action: 'ecs:*' }), Effect: 'Deny' }], false],
    [
      'it in this cluster',
      allow({ Condition: { ArnEquals: { 'ecs:cluster': 'arn:aws:ecs:*:*:cluster/jobs' } } }),
      true,
    ],
    ['it in another cluster', allow({ Condition: { ArnLike: { 'ecs:cluster': '*/other' } } }), false],
    ['it under a key that the request has not', allow({ Condition: { StringEquals: { 'aws:x': '1' } } }), false],
    ['it if the key exists at all', allow({ Condition: { StringEqualsIfExists: { 'aws:x': '1' } } }), true],
  ])('that allows %s', (_, statement, expected) => {
    expect(isAllowed({ Statement: statement }, run)).toBe(expected)
  })

  it('with a condition that the double does not know is an error, not a guess', () => {
    const policy = { Statement: allow({ Condition: { DateLessThan: { 'ecs:cluster': 'x' } } }) }
    expect(() => isAllowed(policy, run)).toThrow('The double knows no condition "DateLessThan"')
  })

  it('knows which of its actions nobody needed', () => {
    const policy = { Statement: [allow({ Action: ['ecs:RunTask', 'ecs:StopTask'] }), allow({ Action: 'sqs:*' })] }
    expect(unusedActions(policy, [run])).toEqual(['ecs:StopTask', 'sqs:*'])
  })
})
