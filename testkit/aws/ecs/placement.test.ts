import { expect, it } from 'vitest'
import { placeTask, type ContainerInstance, type Placement, type PlacementWish } from './placement.ts'

const small: ContainerInstance = { cpu: 1024, memory: 1024 }
const labelled: ContainerInstance = { cpu: 2048, memory: 4096, attributes: { disk: 'ssd' } }
const wish: PlacementWish = { cpu: 512, memory: 512, constraints: [] }
const none = { cpu: 0, memory: 0 }

it.each<
  [string, readonly ContainerInstance[], readonly { cpu: number; memory: number }[], Partial<PlacementWish>, Placement]
>([
  ['the first instance with room', [small, labelled], [], {}, { kind: 'placed', instance: 0 }],
  [
    'the next one when that is full',
    [small, labelled],
    [{ cpu: 1024, memory: 0 }],
    {},
    { kind: 'placed', instance: 1 },
  ],
  ['nowhere without CPU', [small], [{ cpu: 600, memory: 0 }], {}, { kind: 'refused', reasons: ['RESOURCE:CPU'] }],
  ['nowhere without memory', [small], [none], { memory: 2048 }, { kind: 'refused', reasons: ['RESOURCE:MEMORY'] }],
  [
    'to the instance that its constraint names',
    [small, labelled],
    [],
    { constraints: ['attribute:disk == ssd'] },
    { kind: 'placed', instance: 1 },
  ],
  [
    'nowhere, for a reason by instance',
    [small, labelled],
    [none, { cpu: 2000, memory: 0 }],
    { constraints: ['attribute:disk == ssd'] },
    { kind: 'refused', reasons: ['ATTRIBUTE', 'RESOURCE:CPU'] },
  ],
  [
    'nowhere where no agent is connected',
    [{ ...small, isConnected: false }],
    [],
    {},
    { kind: 'refused', reasons: ['AGENT'] },
  ],
])('a task goes to %s', (_, instances, taken, more, expected) => {
  expect(placeTask(instances, taken, { ...wish, ...more })).toEqual(expected)
})

it('does not guess at a constraint that it does not know', () => {
  expect(() => placeTask([small], [], { ...wish, constraints: ['attribute:x in [1]'] })).toThrow('knows no constraint')
})
