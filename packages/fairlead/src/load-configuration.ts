import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadConfig, type Config } from '@fairlead/core/config'
import { CliError, EXIT_CODES } from './cli/cli-error.ts'
import type { Terminal } from './cli/terminal.ts'

/** Where configuration is looked for. */
export type ConfigurationPlace = Pick<Terminal, 'env' | 'cwd'>

const FILES = ['fairlead.config.ts', 'fairlead.config.js', 'fairlead.config.mjs']

/** The configuration in force where the command was started. */
export async function loadConfiguration({ env, cwd }: ConfigurationPlace): Promise<Config> {
  const path = configurationFile(env, cwd)
  return loadConfig({ cwd, env, file: path === null ? undefined : { path, content: await contentOf(path, env, cwd) } })
}

function configurationFile(env: Terminal['env'], cwd: string): string | null {
  const named = env['FAIRLEAD_CONFIG']
  if (named !== undefined) return resolve(cwd, named)
  return FILES.map((name) => join(cwd, name)).find((path) => existsSync(path)) ?? null
}

async function contentOf(path: string, env: Terminal['env'], cwd: string): Promise<unknown> {
  // The compiled file is put aside for a moment, before the configuration could say where the home folder is.
  const cacheFolder = join(resolve(cwd, env['FAIRLEAD_HOME'] ?? '.fairlead'), 'cache')
  const { loadModule } = await import('@fairlead/core/client')
  try {
    return (await loadModule(path, { cwd, cacheFolder }))['default']
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(
      EXIT_CODES.failure,
      `The configuration file "${path}" could not be loaded: ${why}. Correct it, or name another by FAIRLEAD_CONFIG.`,
      { cause },
    )
  }
}
