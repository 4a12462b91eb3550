import {
  startApiServer,
  startDagProcessorProcess,
  startScheduler,
  startStandalone,
  type Component,
  type Config,
} from '@fairlead/core'
import { EXIT_CODES } from '../cli-error.ts'
import { componentOptions } from '../component-options.ts'
import { installedVersion } from '../installed-version.ts'
import type { Terminal } from '../terminal.ts'

/** Components of the server, each run until it is told to stop. */

/** `fairlead standalone` */
export async function standalone(terminal: Terminal, { port }: { port?: string }): Promise<number> {
  const options = await componentOptions(terminal, null, { FAIRLEAD__API__PORT: port })
  return runComponent(
    terminal,
    'Fairlead',
    () => startStandalone(options),
    ({ url, passwordFile }) => {
      terminal.out(`Fairlead ${installedVersion()} runs at ${url}\n`)
      terminal.out(`  Dags        ${options.config.paths.dagsFolder}\n`)
      announceUser(terminal, options.config, passwordFile)
      terminal.out(`  stop        Ctrl-C\n`)
    },
  )
}

/** `fairlead api-server` */
export async function apiServer(terminal: Terminal, { port }: { port?: string }): Promise<number> {
  const options = await componentOptions(terminal, 'api-server', { FAIRLEAD__API__PORT: port })
  return runComponent(
    terminal,
    'The API server',
    () => startApiServer(options),
    ({ url, passwordFile }) => {
      terminal.out(`Fairlead ${installedVersion()} API server at ${url}\n`)
      announceUser(terminal, options.config, passwordFile)
    },
  )
}

/** `fairlead scheduler` */
export async function scheduler(terminal: Terminal, { healthPort }: { healthPort?: string }): Promise<number> {
  const options = await componentOptions(terminal, 'scheduler', {
    FAIRLEAD__SCHEDULER__ENABLE_HEALTH_CHECK: healthPort === undefined ? undefined : 'true',
    FAIRLEAD__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT: healthPort,
  })
  return runComponent(
    terminal,
    'The scheduler',
    () => startScheduler(options),
    ({ healthUrl }) => {
      terminal.out(
        `Fairlead ${installedVersion()} scheduler on ${options.host.hostname}, process ${options.host.pid}\n`,
      )
      announceHealth(terminal, healthUrl)
    },
  )
}

/** `fairlead dag-processor` */
export async function dagProcessor(terminal: Terminal, { healthPort }: { healthPort?: string }): Promise<number> {
  const options = await componentOptions(terminal, 'dag-processor', {
    FAIRLEAD__DAG_PROCESSOR__ENABLE_HEALTH_CHECK: healthPort === undefined ? undefined : 'true',
    FAIRLEAD__DAG_PROCESSOR__HEALTH_CHECK_SERVER_PORT: healthPort,
  })
  return runComponent(
    terminal,
    'The Dag processor',
    () => startDagProcessorProcess(options),
    ({ healthUrl }) => {
      terminal.out(`Fairlead ${installedVersion()} Dag processor on ${options.config.paths.dagsFolder}\n`)
      announceHealth(terminal, healthUrl)
    },
  )
}

async function runComponent<C extends Component>(
  terminal: Terminal,
  name: string,
  start: () => Promise<C>,
  announce: (component: C) => void,
): Promise<number> {
  terminal.doWithoutReaders()
  const component = await start()
  announce(component)
  const stop = (): void => {
    terminal.err('Stopping; once more stops at once.\n')
    void component.stop()
  }
  terminal.signal.addEventListener('abort', stop, { once: true })
  if (terminal.signal.aborted) stop()
  await component.finished
  terminal.err(`${name} has stopped.\n`)
  return EXIT_CODES.ok
}

function announceUser(terminal: Terminal, { apiAuth }: Config, passwordFile: string | null): void {
  const where =
    passwordFile === null ? 'its password is in the home folder that was first' : `password in ${passwordFile}`
  terminal.out(`  user        ${apiAuth.adminUsername}, ${where}\n`)
}

function announceHealth(terminal: Terminal, healthUrl: string | null): void {
  if (healthUrl !== null) terminal.out(`  health      ${healthUrl}/health\n`)
}
