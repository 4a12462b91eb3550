import type { ExecutorRoute, ExecutorView } from '@fairlead/executor'
import { z } from 'zod'
import { openWorkerCredential, type ApiContext, type MountedViews } from '../api/index.ts'
import type { Log } from '../observability/index.ts'
import type { ExecutorViews } from './executor-views.ts'
import type { IdleExecutors } from './idle-executors.ts'
import type { Installation } from './installation.ts'
import type { LoadedExecutor } from './load-executors.ts'

/** What executor classes add to the API. One that fails costs its own part alone. */

/** The routes of executors for their own workers, each with the credential of its instance. */
export function mountedRoutes(
  { executors, config, secret, log }: Installation,
  { instances }: Pick<ExecutorViews, 'instances'>,
): ApiContext['executorRoutes'] {
  return executors.flatMap((loaded) => {
    const routes = fromClass(loaded, 'getApiRoutes', log, () => distinct(loaded.executorClass.getApiRoutes?.() ?? []))
    const executor = instances.get(loaded.name)
    if (routes.length === 0 || executor === undefined) return []
    return [{ executor, routes, credential: openWorkerCredential(config.paths.keys, secret, loaded.name) }]
  })
}

/** What executors show of themselves. */
export function mountedViews(
  executors: readonly LoadedExecutor[],
  idle: IdleExecutors,
  log: Log,
): readonly MountedViews[] {
  return executors.flatMap((loaded) => {
    const views = fromClass(loaded, 'getUiViews', log, () => checkedViews(loaded.executorClass.getUiViews?.() ?? []))
    if (views.length === 0) return []
    return [{ executor: loaded.name, views, instance: () => idle.executor(loaded.name) }]
  })
}

function fromClass<T>({ name }: LoadedExecutor, member: string, log: Log, read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    log.error('executor class could not add to the API', { executor: name, member, error })
    return []
  }
}

function distinct(routes: readonly ExecutorRoute[]): readonly ExecutorRoute[] {
  refuseTwice(routes.map(({ method, path }) => `${method} ${path}`))
  return routes
}

const viewSchema = z.looseObject({
  id: z.string().regex(/^[\w.-]+$/, 'must be letters, digits, "_", "-" and "."'),
  title: z.string().min(1),
  kind: z.enum(['page', 'taskInstance']),
  schema: z.record(z.string(), z.unknown()),
})

function checkedViews(views: readonly ExecutorView[]): MountedViews['views'] {
  for (const view of views) viewSchema.parse(view)
  refuseTwice(views.map(({ id }) => id))
  return views.map((view) => {
    const schema = z.fromJSONSchema(view.schema)
    return {
      view,
      problemWith: (data) => {
        const checked = schema.safeParse(data)
        return checked.success ? null : z.prettifyError(checked.error)
      },
    }
  })
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw new Error(`It has "${twice}" twice.`)
}
