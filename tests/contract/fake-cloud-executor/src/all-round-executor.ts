import type { Executor, ExecutorCommandGroup, ExecutorRoute, ExecutorView, StandardSchema } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'
import { CloudClient, type CloudJob } from './cloud-client.ts'
import { FakeCloudExecutor } from './fake-cloud-executor.ts'

const JOB = {
  type: 'object',
  properties: { jobId: { type: 'string' }, status: { type: 'string' } },
  required: ['status'],
}

/** A FakeCloudExecutor that says everything a class can say of itself, and adds to whatever can be added to. */
export class AllRoundExecutor extends FakeCloudExecutor {
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly servesLiveLogs: boolean = true
  static override readonly sentryIntegration: string | null = 'fake-cloud-executor/sentry'
  static override readonly executorConfigSchema: StandardSchema<{ cpu?: number }> = cpuSchema()

  static getCliCommands(): readonly ExecutorCommandGroup[] {
    return [
      {
        name: 'all-round',
        description: 'See the jobs of the cloud.',
        commands: [
          {
            name: 'jobs',
            description: 'List jobs by their dispatch ids.',
            arguments: ['[dispatch-ids...]'],
            options: { '--status <status>': 'only those of this status', '--count': 'only how many' },
            run: async ({ executor, arguments: ids, options, out, signal }) => {
              const jobs = await own(executor).jobsOf(ids as readonly DispatchId[], signal)
              const chosen = jobs.filter(
                ({ status }) => options['status'] === undefined || status === options['status'],
              )
              out(`${executor.name}: ${options['count'] === true ? chosen.length : JSON.stringify(chosen)}\n`)
              return chosen.length === 0 ? 3 : 0
            },
          },
        ],
      },
    ]
  }

  static getUiViews(): readonly ExecutorView[] {
    return [
      {
        kind: 'page',
        id: 'cloud',
        title: 'Cloud',
        schema: { type: 'object', properties: { url: { type: 'string' }, visits: { type: 'integer' } } },
        data: async ({ executor }) => ({ url: own(executor).cloudUrl, visits: await own(executor).visits() }),
      },
      {
        kind: 'taskInstance',
        id: 'job',
        title: 'Job',
        schema: JOB,
        data: async ({ executor, taskInstance, signal }) => {
          const [job] = await own(executor).jobsOf([taskInstance.dispatchId], signal)
          return job === undefined ? { status: 'GONE' } : { jobId: job.jobId, status: job.status }
        },
      },
    ]
  }

  static getApiRoutes(): readonly ExecutorRoute[] {
    return [
      {
        method: 'POST',
        path: '/visit',
        handle: async ({ executor }) => ({ status: 200, body: { visits: await own(executor).visit() } }),
      },
    ]
  }

  get cloudUrl(): string {
    return String(this.host.settings['cloudUrl'])
  }

  async visits(): Promise<number> {
    return Number((await this.host.store.get('visits')) ?? 0)
  }

  async visit(): Promise<number> {
    const visits = (await this.visits()) + 1
    await this.host.store.set('visits', visits)
    return visits
  }

  jobsOf(dispatchIds: readonly DispatchId[], signal: AbortSignal): Promise<readonly CloudJob[]> {
    return new CloudClient(this.cloudUrl).find(dispatchIds, signal)
  }
}

/** One that is for small things, one at a time, and not for production. */
export class SmallExecutor extends AllRoundExecutor {
  static override readonly isSingleThreaded: boolean = true
  static override readonly isProduction: boolean = false
  static override readonly maxRuntimeMs: number | null = 60_000
  static override readonly maxPayloadBytes: number | null = 8192

  static override getCliCommands(): readonly ExecutorCommandGroup[] {
    return []
  }
}

/** Statics are given an executor: it is of this class. */
function own(executor: Executor): AllRoundExecutor {
  return executor as AllRoundExecutor
}

function cpuSchema(): StandardSchema<{ cpu?: number }> {
  return {
    '~standard': {
      version: 1,
      vendor: 'fake-cloud-executor',
      validate(value) {
        const { cpu, ...others } = value as { cpu?: unknown }
        const [unknown] = Object.keys(others)
        if (unknown !== undefined) return { issues: [{ message: 'is unknown', path: [unknown] }] }
        if (cpu !== undefined && typeof cpu !== 'number')
          return { issues: [{ message: 'must be a number', path: ['cpu'] }] }
        return { value }
      },
    },
  }
}
