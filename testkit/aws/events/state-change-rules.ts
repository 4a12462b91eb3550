import { randomUUID } from 'node:crypto'
import { describeTask } from '../ecs/describe.ts'
import type { EcsTask } from '../ecs/task.ts'
import type { DoubleClock } from '../double-clock.ts'
import { ACCOUNT } from '../iam/identities.ts'
import type { SqsDouble } from '../sqs/sqs-double.ts'

/** How a rule of EventBridge may go wrong: it promises to deliver at least once, in any order. */
export type DeliveryFault = 'drop' | 'duplicate'

interface Rule {
  readonly queueUrl: string
  readonly clusterArn: string | null
}

/** Rules that send each "ECS Task State Change" to a queue. */
export class StateChangeRules {
  readonly #sqs: SqsDouble
  readonly #clock: DoubleClock
  #rules: Rule[] = []
  #faults: DeliveryFault[] = []

  constructor(sqs: SqsDouble, clock: DoubleClock) {
    this.#sqs = sqs
    this.#clock = clock
  }

  /** Sends changes to a queue from now on, of one cluster or of all. Answers what ends the rule. */
  sendTo(queueUrl: string, clusterArn: string | null = null): () => void {
    const rule = { queueUrl, clusterArn }
    this.#rules.push(rule)
    return () => (this.#rules = this.#rules.filter((other) => other !== rule))
  }

  /** The next deliveries are lost, or made twice. */
  next(fault: DeliveryFault, times = 1): void {
    this.#faults.push(...Array.from({ length: times }, () => fault))
  }

  /** Delivers a change. For ECS. */
  deliver(task: EcsTask): void {
    for (const { queueUrl, clusterArn } of this.#rules) {
      if (clusterArn !== null && clusterArn !== task.facts.cluster.arn) continue
      const fault = this.#faults.shift()
      if (fault === 'drop') continue
      const event = JSON.stringify(this.#eventOf(task))
      this.#sqs.send(queueUrl, event)
      if (fault === 'duplicate') this.#sqs.send(queueUrl, event)
    }
  }

  #eventOf(task: EcsTask): Record<string, unknown> {
    const time = new Date(this.#clock.now()).toISOString()
    const { tags: _tags, ...detail } = describeTask(task, false)
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': 'ECS Task State Change',
      source: 'aws.ecs',
      account: ACCOUNT,
      time: time.replace(/\.\d+Z$/, 'Z'),
      region: task.facts.arn.split(':')[3],
      resources: [task.facts.arn],
      detail: { ...Object.fromEntries(Object.entries(detail).map(inEventForm)), updatedAt: time },
    }
  }
}

/** Events write times as text, where the API writes seconds. */
function inEventForm([name, value]: [string, unknown]): [string, unknown] {
  return name.endsWith('At') && typeof value === 'number' ? [name, new Date(value * 1000).toISOString()] : [name, value]
}
