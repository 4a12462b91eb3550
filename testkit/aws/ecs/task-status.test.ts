import { expect, it } from 'vitest'
import { nextStatus, type DesiredStatus, type TaskStatus } from './task-status.ts'

it.each<[DesiredStatus, TaskStatus, readonly TaskStatus[]]>([
  ['RUNNING', 'PROVISIONING', ['PENDING', 'ACTIVATING', 'RUNNING']],
  ['STOPPED', 'RUNNING', ['DEACTIVATING', 'STOPPING', 'DEPROVISIONING', 'STOPPED']],
  ['STOPPED', 'ACTIVATING', ['DEACTIVATING', 'STOPPING', 'DEPROVISIONING', 'STOPPED']],
  ['STOPPED', 'PENDING', ['DEPROVISIONING', 'STOPPED']],
  ['STOPPED', 'PROVISIONING', ['DEPROVISIONING', 'STOPPED']],
])('a task that should be %s goes from %s through %j, and stays', (desired, first, expected) => {
  const passed: TaskStatus[] = []
  for (let status = nextStatus(first, desired); status !== null; status = nextStatus(status, desired))
    passed.push(status)
  expect(passed).toEqual(expected)
})
