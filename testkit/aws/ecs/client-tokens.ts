import { AwsError } from '../wire/aws-error.ts'
import type { EcsTask } from './task.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000

interface Launch {
  readonly parameters: string
  readonly tasks: readonly EcsTask[]
  readonly at: number
}

/**
 * Launches by client token, per cluster. A token is known for 24 hours, or until an hour after its tasks have stopped,
 * whichever is sooner; a launch that started nothing is forgotten at once.
 */
export class ClientTokens {
  readonly #launches = new Map<string, Launch>()

  /** What this very request launched before, or null. Throws for the same token with other parameters. */
  find(clusterArn: string, token: string, parameters: string, now: number): readonly EcsTask[] | null {
    const launch = this.#launches.get(`${clusterArn} ${token}`)
    if (launch === undefined || isOver(launch, now)) return null
    if (launch.parameters !== parameters)
      throw new AwsError(
        'ConflictException',
        'The client token was used before with other parameters. Use another token, or the same parameters.',
        { fields: { resourceIds: launch.tasks.map(({ facts }) => facts.arn) } },
      )
    return launch.tasks
  }

  remember(clusterArn: string, token: string, launch: Launch): void {
    if (launch.tasks.length > 0) this.#launches.set(`${clusterArn} ${token}`, launch)
  }
}

function isOver({ at, tasks }: Launch, now: number): boolean {
  const stopped = tasks.map(({ times }) => times.stoppedAt ?? Number.POSITIVE_INFINITY)
  return now >= Math.min(at + DAY_MS, Math.max(...stopped) + HOUR_MS)
}
