import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecuteTask } from '@fairlead/protocol'
import { openTrialServer, systemEnvironment, type TrialServer } from '@fairlead/core'
import { checkExecutorClass, type Executor } from '@fairlead/executor'
import type { Laboratory, WorkerMount } from '@fairlead/executor/conformance'
import { Gateway } from './gateway.ts'
import { gatePath, probeDag, type ProbeDagOptions } from './probe-dag.ts'

/** What a laboratory must know beforehand. */
export interface LaboratoryOptions {
  /** The class whose routes are served to its workers, when it has any. */
  readonly executorClass?: unknown
  /** Name under which they are mounted; default `under-trial`. */
  readonly name?: string
  /** True when workers see the files of this machine; default: what the class says of itself (`isLocal`). */
  readonly sharesFiles?: boolean
}

/**
 * Opens a laboratory: Fairlead's own API over a database in memory, in a temporary folder, with probe tasks. Nothing of
 * an installation is read or touched.
 */
export async function openLaboratory(options: LaboratoryOptions = {}): Promise<Laboratory> {
  const folder = mkdtempSync(join(tmpdir(), 'fl-trial-'))
  const routes = new TrialRoutes(options)
  const server = await openTrialServer({
    folder,
    environment: systemEnvironment(),
    executorRoutes: routes.mounted,
  })
  const gateway = new Gateway(server.url)
  const socketPath = join(folder, 'api.sock')
  const apiUrl = await gateway.listen(socketPath)
  const bundleFolder = join(folder, 'bundles')
  const inTurn = oneAtATime()
  const gateFolder = sharesFiles(options) ? folder : null
  return {
    apiUrl,
    localApiUrl: `unix:${socketPath}`,
    logFolder: join(folder, 'logs'),
    bundleFolder,
    calls: gateway.calls,
    newFolder: () => mkdtempSync(join(folder, 'x')),
    mint: (probe, count, { weights = [], ticketAgeMs = 0 } = {}) => {
      const all = Array.from({ length: count }, (_, index) => weights[index] ?? 1)
      return inTurn(() => mint(server, bundleFolder, { probe, ticketAgeMs, gateFolder, weights: all }))
    },
    settle: (ended) => server.settle(ended),
    attemptOf: (workload) => attemptOf(server, gateway, workload),
    valueOf: async (workload, key) => {
      const json = await server.valueOf(workload, key)
      return json === null ? undefined : (JSON.parse(json) as unknown)
    },
    release: async (workload) => {
      if (gateFolder === null) await server.setValue(workload, 'release', 'true')
      else writeFileSync(gatePath(gateFolder, workload.taskInstance), '')
    },
    cut: () => gateway.cut(),
    restore: () => gateway.restore(),
    mount: (mounted) => routes.mount(mounted?.executor ?? null, apiUrl),
    close: async () => {
      await gateway.close()
      await server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function sharesFiles({ executorClass, sharesFiles: given }: LaboratoryOptions): boolean {
  if (given !== undefined || executorClass === undefined) return given ?? false
  checkExecutorClass(executorClass)
  return executorClass.isLocal
}

/** A claim takes whatever is ready, so that two runs are never ready at once. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }
}

async function mint(
  server: TrialServer,
  bundleFolder: string,
  { ticketAgeMs, ...options }: ProbeDagOptions & { ticketAgeMs: number },
): Promise<readonly ExecuteTask[]> {
  const { spec, hash, bundle } = probeDag(options)
  const folder = join(bundleFolder, hash)
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ externals: {}, roots: [] }))
    writeFileSync(join(folder, 'bundle.mjs'), bundle)
  }
  return await server.queueRun(spec, hash, ticketAgeMs)
}

async function attemptOf(server: TrialServer, gateway: Gateway, workload: ExecuteTask) {
  const { state, hostname, pid } = await server.attemptOf(workload)
  const grants = gateway.grants.get(workload.taskInstance.id)?.size ?? 0
  const sessions = [...(gateway.sessions.get(workload.taskInstance.id) ?? [])]
  return { state, grants, sessions, process: hostname === null || pid === null ? null : { hostname, pid } }
}

/** The routes of the class under trial, for whichever instance of it stands on the stand. */
class TrialRoutes {
  readonly mounted: Parameters<typeof openTrialServer>[0]['executorRoutes']
  readonly #name: string
  readonly #credential = randomUUID()
  #executor: Executor | null = null

  constructor({ executorClass, name = 'under-trial' }: LaboratoryOptions) {
    this.#name = name
    if (executorClass === undefined) {
      this.mounted = []
      return
    }
    checkExecutorClass(executorClass)
    const routes = (executorClass.getApiRoutes?.() ?? []).map((route) => ({
      ...route,
      handle: async (request: Parameters<typeof route.handle>[0]) =>
        this.#executor === null ? { status: 503 } : await route.handle({ ...request, executor: this.#executor }),
    }))
    this.mounted = routes.length === 0 ? [] : [{ executor: { name } as Executor, routes, credential: this.#credential }]
  }

  mount(executor: Executor | null, apiUrl: string): WorkerMount {
    this.#executor = executor
    return { url: `${apiUrl}/executors/${encodeURIComponent(this.#name)}`, credential: this.#credential }
  }
}
