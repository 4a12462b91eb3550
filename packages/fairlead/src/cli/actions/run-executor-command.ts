import { hostname } from 'node:os'
import { join } from 'node:path'
import { loadExecutors, loadModule, openLog, systemEnvironment, withIdleExecutor } from '@fairlead/core'
import type { ConfiguredExecutor } from '@fairlead/core/client'
import type { ExecutorCommandCall } from '@fairlead/executor'
import { builtInExecutors } from '../../built-in-executors.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

/** A command of an executor, as it was typed. */
export interface TypedCommand extends Pick<ExecutorCommandCall, 'arguments' | 'options'> {
  readonly title: string
  run(call: ExecutorCommandCall): Promise<number>
}

/** Runs a command of an executor, on an instance that is made of its settings and never started. */
export async function runExecutorCommand(
  terminal: Terminal,
  configured: ConfiguredExecutor,
  { title, run, ...typed }: TypedCommand,
): Promise<number> {
  const config = await loadConfiguration(terminal)
  const place = { cwd: terminal.cwd, cacheFolder: join(config.paths.home, 'cache') }
  const [loaded] = await loadExecutors([configured], {
    builtIn: builtInExecutors,
    loadModule: (name) => loadModule(name, place),
  })
  if (loaded === undefined) throw new Error(`Executor "${configured.name}" was not loaded.`)
  const surroundings = {
    config,
    environment: systemEnvironment(),
    log: openLog({ ...config.logging, write: terminal.err }),
    host: { hostname: hostname(), pid: process.pid, uid: process.getuid?.() ?? 0 },
  }
  const { out, err, signal } = terminal
  return await withIdleExecutor(loaded, surroundings, async (executor) => {
    const code = await answered(title, () => run({ ...typed, executor, out, err, signal }))
    if (Number.isInteger(code) && code >= 0 && code <= 255) return code
    throw new CliError(EXIT_CODES.failure, `\`fairlead ${title}\` answered ${String(code)}, and not an exit code.`)
  })
}

/** What an executor throws is its own: its message says it, and no stack of ours helps. */
async function answered(title: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(EXIT_CODES.failure, `\`fairlead ${title}\` failed: ${why}`, { cause })
  }
}
