import { expect, it } from 'vitest'
import { problemsOfValue } from './problems-of-value.ts'
import type { ServiceModel } from './service-model.ts'

const model: ServiceModel = {
  metadata: { protocol: 'json' },
  operations: {},
  shapes: {
    Task: {
      type: 'structure',
      required: ['arn'],
      members: {
        arn: { shape: 'Arn' },
        status: { shape: 'Status' },
        exitCode: { shape: 'Integer' },
        createdAt: { shape: 'Timestamp' },
        tags: { shape: 'Tags' },
        names: { shape: 'Names', locationName: 'NAMES' },
      },
    },
    Arn: { type: 'string', pattern: 'arn:.*', max: 20 },
    Status: { type: 'string', enum: ['RUNNING', 'STOPPED'] },
    Integer: { type: 'integer', min: 0, max: 255 },
    Timestamp: { type: 'timestamp' },
    Tags: { type: 'map', key: { shape: 'Arn' }, value: { shape: 'Integer' } },
    Names: { type: 'list', member: { shape: 'Status' }, max: 1 },
  },
}

it.each<[string, unknown, readonly string[]]>([
  ['what is right', { arn: 'arn:1', status: 'RUNNING', exitCode: 0, createdAt: 1.5e9, NAMES: ['STOPPED'] }, []],
  ['what is missing', {}, ['task.arn: required']],
  ['what is unknown', { arn: 'arn:1', colour: 1 }, ['task.colour: unknown']],
  ['a wrong type', { arn: 'arn:1', exitCode: '0' }, ['task.exitCode: not a whole number']],
  ['what is out of bounds', { arn: 'arn:1', exitCode: 256 }, ['task.exitCode: 256 is not between 0 and 255']],
  ['what is not listed', { arn: 'arn:1', status: 'GONE' }, ['task.status: "GONE" is not one of RUNNING, STOPPED']],
  ['what does not match', { arn: 'urn:1' }, ['task.arn: "urn:1" does not match arn:.*']],
  ['what is too long', { arn: `arn:${'x'.repeat(20)}` }, ['task.arn.length: 24 is not between  and 20']],
  ['milliseconds for a time', { arn: 'arn:1', createdAt: 1.5e12 }, ['task.createdAt: not a time']],
  [
    'keys and values of a map',
    { arn: 'arn:1', tags: { x: 'y' } },
    ['task.tags{key}: "x" does not match arn:.*', 'task.tags.x: not a whole number'],
  ],
  [
    'a list that is too long',
    { arn: 'arn:1', NAMES: ['RUNNING', 'GONE'] },
    ['task.NAMES.length: 2 is not between  and 1', 'task.NAMES[]: "GONE" is not one of RUNNING, STOPPED'],
  ],
  ['no object at all', null, ['task: not an object']],
])('the validator of shapes finds %s', (_, value, problems) => {
  expect(problemsOfValue(model, 'Task', value, 'task')).toEqual(problems)
})
