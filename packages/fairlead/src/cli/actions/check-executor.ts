import { join } from 'node:path'
import {
  configuredExecutors,
  loadExecutors,
  loadModule,
  type Config,
  type ConfiguredExecutor,
  type LoadedExecutor,
} from '@fairlead/core'
import {
  invariantsOf,
  isConformant,
  resultText,
  runConformance,
  summaryText,
  type Level,
} from '@fairlead/executor/conformance'
import { builtInExecutors, DEFAULT_EXECUTOR } from '../../built-in-executors.ts'
import { openLaboratory } from '../../conformance/laboratory.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

/** What is typed after `fairlead executors check NAME`. */
export interface CheckOptions {
  readonly level?: Level
  readonly settings?: string
  readonly only?: readonly string[]
  readonly volume: string
  readonly json?: boolean
}

/** `fairlead executors check` */
export async function checkExecutor(terminal: Terminal, name: string, options: CheckOptions): Promise<number> {
  const config = await loadConfiguration(terminal)
  const configured = configuredExecutors(config, DEFAULT_EXECUTOR).find((executor) => executor.name === name)
  const level = options.level ?? (configured === undefined ? 'full' : 'live-safe')
  refuseUnknown(options.only ?? [], level)
  const chosen = withSettings(configured ?? classNamed(name, config), options.settings)
  const { executorClass } = await loadOne(chosen, config, terminal.cwd)
  // The settings as they were given: the kit makes of them what the class's schema says, which may fit only once.
  const { settings } = chosen
  // On a live configuration it keeps its name, since what it may see outside can depend on it.
  const subject = { executorClass, settings, ...(level === 'live-safe' ? { name: chosen.name } : {}) }
  const laboratory = await openLaboratory(subject)
  try {
    const report = await runConformance({
      subject,
      laboratory,
      level,
      volume: volumeOf(options.volume),
      signal: terminal.signal,
      ...(options.only === undefined ? {} : { only: options.only }),
      onResult: (result) => (options.json === true ? undefined : terminal.out(`${resultText(result)}\n`)),
    })
    terminal.out(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : `\n${summaryText(report)}\n`)
    return isConformant(report) ? EXIT_CODES.ok : EXIT_CODES.failure
  } finally {
    await laboratory.close()
  }
}

/** What a text names by itself, whatever is configured. */
function classNamed(text: string, config: Config): ConfiguredExecutor {
  const alone = { ...config, core: { ...config.core, executor: text }, executors: {} }
  const [named, ...more] = configuredExecutors(alone, DEFAULT_EXECUTOR)
  if (named !== undefined && more.length === 0) return named
  throw new CliError(EXIT_CODES.usage, `"${text}" names several executors. Check one at a time.`)
}

function withSettings(executor: ConfiguredExecutor, json: string | undefined): ConfiguredExecutor {
  if (json === undefined) return executor
  try {
    return { ...executor, settings: JSON.parse(json) as Record<string, unknown> }
  } catch (cause) {
    throw new CliError(EXIT_CODES.usage, `The settings are no JSON: ${json}. Write them as {"key": "value"}.`, {
      cause,
    })
  }
}

async function loadOne(executor: ConfiguredExecutor, config: Config, cwd: string): Promise<LoadedExecutor> {
  const place = { cwd, cacheFolder: join(config.paths.home, 'cache') }
  const [loaded] = await loadExecutors([executor], {
    builtIn: builtInExecutors,
    loadModule: (name) => loadModule(name, place),
  })
  if (loaded === undefined) throw new Error(`Executor "${executor.name}" was not loaded.`)
  return loaded
}

function refuseUnknown(only: readonly string[], level: Level): void {
  const known = new Set<string>(invariantsOf(level).map(({ id }) => id))
  const unknown = only.find((id) => !known.has(id))
  if (unknown === undefined) return
  throw new CliError(
    EXIT_CODES.notFound,
    `There is no invariant "${unknown}" at level ${level}. docs/reference/conformance.md lists them.`,
  )
}

function volumeOf(text: string): number {
  const volume = Number(text)
  if (Number.isInteger(volume) && volume > 0) return volume
  throw new CliError(EXIT_CODES.usage, `The volume is "${text}". Give a whole number of 1 or more.`)
}
