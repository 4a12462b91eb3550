import { workerEnvironmentOf, workerPlace, type LoadedExecutor } from '@fairlead/core'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { configuredClasses } from '../component-options.ts'
import { installedVersion } from '../installed-version.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead worker-host` */
export async function workerHost(terminal: Terminal, options: { executor?: string }): Promise<number> {
  const config = await loadConfiguration(terminal)
  const executors = await configuredClasses(config, terminal.cwd)
  const { name, settings, executorClass } = chosen(executors, options.executor ?? null)
  terminal.doWithoutReaders()
  const end = await executorClass.runWorkerHost?.({
    ...workerPlace(config, name, { executors: executors.map((one) => one.name), uid: process.getuid?.() ?? 0 }),
    name,
    settings,
    workerEnvironment: workerEnvironmentOf({ executorClass }, config),
    onReady: () =>
      terminal.out(`Fairlead ${installedVersion()} worker host of executor "${name}", process ${process.pid}\n`),
    signal: terminal.signal,
  })
  if (end?.kind === 'taken') {
    throw new CliError(
      EXIT_CODES.inUse,
      `Process ${end.pid} is the worker host of executor "${name}" already. Stop it, or use another home folder.`,
    )
  }
  terminal.err('The worker host has stopped.\n')
  return EXIT_CODES.ok
}

function chosen(executors: readonly LoadedExecutor[], name: string | null): LoadedExecutor {
  const named = executors.filter((executor) => name === null || executor.name === name)
  const [first, ...others] = named.filter(({ executorClass }) => executorClass.runWorkerHost !== undefined)
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    const names = [first, ...others].map((one) => one.name).join(', ')
    throw new CliError(EXIT_CODES.usage, `Several executors have a worker host: ${names}. Name one by --executor.`)
  }
  const what = name === null ? 'No configured executor has a worker host' : `No executor "${name}" has a worker host`
  const all = executors.map((one) => one.name).join(', ')
  throw new CliError(EXIT_CODES.notFound, `${what}. Configured are: ${all}.`)
}
