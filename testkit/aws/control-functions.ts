import type { AwsDouble } from './aws-double.ts'
import { describeJob } from './batch/describe.ts'
import type { ControlFunction } from './control.ts'
import { describeTask } from './ecs/describe.ts'
import type { Fault } from './faults.ts'
import type { QueueSettings } from './sqs/queue.ts'
import type { RateLimit } from './rate-limits.ts'

/** What another process may call, by name: what conformance hooks and demos need. */
export function controlFunctions(double: AwsDouble): Readonly<Record<string, ControlFunction>> {
  const { ecs, batch, lambda, sqs, logs, faults, rateLimits, calls, clock, iam } = double
  return {
    'faults.next': (operation: string, fault: Fault, times?: number) => faults.next(operation, fault, times),
    'faults.begin': (operation: string, fault: Fault) => faults.begin(operation, fault),
    'faults.end': (id: number) => faults.end(id),
    'faults.clear': () => faults.clear(),
    'rateLimits.set': (operation: string, limit: RateLimit | null) => rateLimits.set(operation, limit),
    'calls.all': () => calls.all(),
    'clock.advance': (ms: number) => clock.advance(ms),
    'iam.denied': () => iam.denied,
    'ecs.running': () => ecs.running(),
    'ecs.startedBy': (startedBy: string) =>
      ecs.startedBy(startedBy).map(({ facts, status }) => ({ arn: facts.arn, status })),
    'ecs.pidsOf': (arn: string) => ecs.pidsOf(arn),
    'ecs.kill': (arn: string, signal?: 'SIGTERM' | 'SIGKILL') => ecs.kill(arn, signal),
    'ecs.vanish': (arn: string) => ecs.vanish(arn),
    'ecs.loseHost': (arn: string) => ecs.loseHost(arn),
    'ecs.setConsistencyLag': (describes: number) => void (ecs.consistencyLag = describes),
    'ecs.describeAll': () => ecs.tasks().map((task) => describeTask(task, true)),
    'batch.running': () => batch.running(),
    'batch.named': (name: string) => batch.named(name).map(({ facts, status }) => ({ id: facts.id, status })),
    'batch.pidOf': (id: string) => batch.pidOf(id),
    'batch.kill': (id: string, signal?: 'SIGTERM' | 'SIGKILL') => batch.kill(id, signal),
    'batch.vanish': (id: string) => batch.vanish(id),
    'batch.loseHost': (id: string) => batch.loseHost(id),
    'batch.block': (queue: string, reason: string | null) => batch.block(queue, reason),
    'batch.describeAll': () => batch.jobs().map(describeJob),
    'lambda.running': () => lambda.running(),
    'lambda.kill': (id: string) => lambda.kill(id),
    'lambda.vanish': (id: string) => lambda.vanish(id),
    'lambda.events': () => lambda.events.map(({ id, event, attempts }) => ({ id, event, attempts })),
    'lambda.duplicateNext': (times?: number) => lambda.duplicateNext(times),
    'sqs.ensureQueue': (name: string, settings?: QueueSettings) =>
      void (sqs.find(name) ?? sqs.createQueue(name, settings)),
    'sqs.bodiesIn': (queueUrl: string) => sqs.bodiesIn(queueUrl),
    'logs.everything': () => logs.everything(),
  }
}
