import type { ExecutorHost } from '@fairlead/executor'
import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import { DoubleControl } from '../../packages/executor-aws/src/shared/double-control.ts'

/**
 * A LambdaExecutor on the double, with a queue of results of its own: the guide asks for one for each instance, and the
 * kit makes many of them.
 */
export class LambdaOnItsOwnQueue extends LambdaExecutor {
  constructor(host: ExecutorHost) {
    const [endpoint, name] = [String(host.settings['endpoint']), queueOf(host.name)]
    const resultQueueUrl = new URL(`/123456789012/${name}`, endpoint).href
    super({ ...host, settings: { ...host.settings, resultQueueUrl } })
  }

  override async start(signal: AbortSignal): Promise<void> {
    await new DoubleControl(process.env).call('sqs.ensureQueue', queueOf(this.name), { visibilityTimeoutSeconds: 2 })
    await super.start(signal)
  }
}

function queueOf(name: string): string {
  return `results-${name.replaceAll(/\W/g, '_')}`
}
