import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  configuredExecutors,
  killingFaults,
  loadExecutors,
  loadModule,
  openLog,
  systemEnvironment,
  type ComponentOptions,
  type Config,
  type LoadedExecutor,
  type ParseProcess,
} from '@fairlead/core'
import { childEnvironment, runnerFiles } from '@fairlead/task-runner'
import { builtInExecutors, DEFAULT_EXECUTOR } from '../built-in-executors.ts'
import { installedVersion } from './installed-version.ts'
import { loadConfiguration } from '../load-configuration.ts'
import type { Terminal } from './terminal.ts'

/**
 * Everything that a component of the server is started with. Its name is in each line of its log, unless it is alone;
 * `env` goes over the environment's own variables.
 */
export async function componentOptions(
  terminal: Terminal,
  component: string | null,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<ComponentOptions & ParseProcess> {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  const config = await loadConfiguration({ ...terminal, env: { ...terminal.env, ...set } })
  const log = openLog({ ...config.logging, write: terminal.err })
  const fault = terminal.env['FAIRLEAD_FAULT']
  return {
    config,
    version: installedVersion(),
    executors: await configuredClasses(config, terminal.cwd),
    environment: systemEnvironment(
      fault === undefined ? undefined : killingFaults(fault, () => process.kill(process.pid, 'SIGKILL')),
    ),
    log: component === null ? log : log.child({ component }),
    host: { hostname: hostname(), pid: process.pid, uid: process.getuid?.() ?? 0 },
    parseScript: runnerFiles().parsePath,
    parseEnv: definedOnly(childEnvironment(terminal.env)),
  }
}

/** The class of each configured executor, the default's first. */
export function configuredClasses(config: Config, cwd: string): Promise<readonly LoadedExecutor[]> {
  const place = { cwd, cacheFolder: join(config.paths.home, 'cache') }
  return loadExecutors(configuredExecutors(config, DEFAULT_EXECUTOR), {
    builtIn: builtInExecutors,
    loadModule: (name) => loadModule(name, place),
  })
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
