import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  configuredExecutors,
  killingFaults,
  loadExecutors,
  loadModule,
  openLog,
  startStandalone,
  systemEnvironment,
  type Config,
} from '@fairlead/core'
import { childEnvironment, runnerFiles } from '@fairlead/task-runner'
import { builtInExecutors, DEFAULT_EXECUTOR } from '../../built-in-executors.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { installedVersion } from '../installed-version.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead standalone` */
export async function standalone(terminal: Terminal, options: { port?: string }): Promise<number> {
  const port = options.port === undefined ? {} : { FAIRLEAD__API__PORT: options.port }
  const config = await loadConfiguration({ ...terminal, env: { ...terminal.env, ...port } })
  terminal.doWithoutReaders()
  const log = openLog({ ...config.logging, write: terminal.err })
  const fault = terminal.env['FAIRLEAD_FAULT']
  const place = { cwd: terminal.cwd, cacheFolder: join(config.paths.home, 'cache') }
  const server = await startStandalone({
    config,
    version: installedVersion(),
    executors: await loadExecutors(configuredExecutors(config, DEFAULT_EXECUTOR), {
      builtIn: builtInExecutors,
      loadModule: (name) => loadModule(name, place),
    }),
    environment: systemEnvironment(
      fault === undefined ? undefined : killingFaults(fault, () => process.kill(process.pid, 'SIGKILL')),
    ),
    log,
    host: { hostname: hostname(), pid: process.pid, uid: process.getuid?.() ?? 0 },
    parseScript: runnerFiles().parsePath,
    parseEnv: definedOnly(childEnvironment(terminal.env)),
  })
  announce(terminal, config, server)
  terminal.signal.addEventListener('abort', () => void stop(terminal, server), { once: true })
  if (terminal.signal.aborted) await stop(terminal, server)
  await server.finished
  terminal.err('Fairlead has stopped.\n')
  return EXIT_CODES.ok
}

type Server = Awaited<ReturnType<typeof startStandalone>>

function announce(terminal: Terminal, config: Config, { url, passwordFile }: Server): void {
  terminal.out(`Fairlead ${installedVersion()} runs at ${url}\n`)
  terminal.out(`  Dags        ${config.paths.dagsFolder}\n`)
  terminal.out(`  user        ${config.apiAuth.adminUsername}, password in ${passwordFile}\n`)
  terminal.out(`  stop        Ctrl-C\n`)
}

async function stop(terminal: Terminal, server: Server): Promise<void> {
  terminal.err('Stopping; once more stops at once.\n')
  await server.stop()
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
