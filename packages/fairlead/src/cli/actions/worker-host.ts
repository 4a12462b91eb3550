import { ConfigError, workerPlace, type LoadedExecutor } from '@fairlead/core'
import { providedHostOf } from '../../built-in-executors.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { configuredClasses } from '../component-options.ts'
import { installedVersion } from '../installed-version.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead worker-host` */
export async function workerHost(terminal: Terminal, options: { executor?: string }): Promise<number> {
  const config = await loadConfiguration(terminal)
  const executors = await configuredClasses(config, terminal.cwd)
  const { executor, run } = await chosen(executors, options.executor ?? null)
  const { name } = executor
  terminal.doWithoutReaders()
  const end = await run({
    place: workerPlace(config, name, { executors: executors.map((one) => one.name), uid: process.getuid?.() ?? 0 }),
    settings: executor.settings,
    onReady: () =>
      terminal.out(`Fairlead ${installedVersion()} worker host of executor "${name}", process ${process.pid}\n`),
    signal: terminal.signal,
  })
  if (end.kind === 'taken') {
    throw new CliError(
      EXIT_CODES.inUse,
      `Process ${end.by.pid} is the worker host of executor "${name}" already. Stop it, or use another home folder.`,
    )
  }
  terminal.err('The worker host has stopped.\n')
  return EXIT_CODES.ok
}

async function chosen(executors: readonly LoadedExecutor[], name: string | null) {
  const named = executors.filter((executor) => name === null || executor.name === name)
  const found = (await Promise.all(named.map(withHost))).flat()
  const [first, ...others] = found
  if (first === undefined || others.length > 0) throw refusal(executors, name, found)
  if (first.executor.settings['workerHost'] !== 'provided') {
    const key = `executors.${first.executor.name}.settings.workerHost`
    throw new ConfigError(`Executor "${first.executor.name}" starts its own worker host. Set ${key} to 'provided'.`)
  }
  return first
}

async function withHost(executor: LoadedExecutor) {
  const run = await providedHostOf(executor.executorClass)
  return run === null ? [] : [{ executor, run }]
}

function refusal(
  executors: readonly LoadedExecutor[],
  name: string | null,
  found: ReadonlyArray<{ executor: LoadedExecutor }>,
): CliError {
  const all = executors.map((one) => one.name).join(', ')
  if (found.length > 0) {
    const names = found.map(({ executor }) => executor.name).join(', ')
    return new CliError(EXIT_CODES.usage, `Several executors have a worker host: ${names}. Name one by --executor.`)
  }
  const what = name === null ? 'No configured executor has a worker host' : `No executor "${name}" has a worker host`
  return new CliError(EXIT_CODES.notFound, `${what}. Configured are: ${all}.`)
}
