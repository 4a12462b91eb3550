import type { EcsApi } from './ecs-api.ts'
import type { EffectiveOptions } from './effective-options.ts'

/** What must be known of a cluster before something is launched there; asked once. */
export class ClusterFacts {
  readonly #api: EcsApi
  readonly #hasStrategy = new Map<string, Promise<boolean>>()

  constructor(api: EcsApi) {
    this.#api = api
  }

  /**
   * What to say in RunTask when a task says nothing of how to launch it: nothing where the cluster has capacity providers
   * of its own, else Fargate. ECS itself would take EC2.
   */
  async launchDefaults({
    cluster,
    launchType,
    capacityProviderStrategy,
  }: EffectiveOptions): Promise<{ launchType?: 'FARGATE' }> {
    if (launchType !== undefined || capacityProviderStrategy !== undefined) return {}
    return (await this.#hasOwnStrategy(cluster)) ? {} : { launchType: 'FARGATE' }
  }

  async #hasOwnStrategy(cluster: string): Promise<boolean> {
    const known = this.#hasStrategy.get(cluster)
    if (known !== undefined) return await known
    const asked = this.#ask(cluster)
    this.#hasStrategy.set(cluster, asked)
    try {
      return await asked
    } catch (error) {
      this.#hasStrategy.delete(cluster)
      throw error
    }
  }

  async #ask(cluster: string): Promise<boolean> {
    const { defaultCapacityProviderStrategy = [] } = (await this.#api.describeCluster(cluster)) ?? {}
    return defaultCapacityProviderStrategy.length > 0
  }
}
