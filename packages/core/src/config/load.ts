import { isAbsolute, join, resolve } from 'node:path'
import { ConfigError } from './config-error.ts'
import { configFileSchema, type ConfigFile, type ExecutorEntry } from './define-config.ts'
import type { Key } from './key.ts'
import { environmentName, nearestName, snakeCase } from './names.ts'
import { CONFIG_SCHEMA, type ConfigValues } from './schema.ts'

/** Where a value came from. */
export type Origin = { kind: 'default' } | { kind: 'file'; path: string } | { kind: 'environment'; variable: string }

/** The whole configuration: every value, resolved paths, and where each value came from. Frozen. */
export interface Config extends ConfigValues {
  /** The `executors` map of the file, as written. */
  readonly executors: Readonly<Record<string, ExecutorEntry>>
  readonly paths: ConfigPaths
  readonly origins: Readonly<Record<string, Origin>>
}

/** Absolute paths that follow from the values. */
export interface ConfigPaths {
  readonly home: string
  readonly dagsFolder: string
  /** Path of the SQLite file, or a `postgres://` address. */
  readonly databaseUrl: string
  readonly logs: string
  readonly keys: string
  readonly bundles: string
  readonly run: string
}

/** What configuration is made of. `file` is the already loaded default export of the configuration file. */
export interface ConfigSources {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly file?: { readonly path: string; readonly content: unknown } | undefined
}

/** Read defaults, then the file, then the environment; the last one that sets a key wins. */
export function loadConfig(sources: ConfigSources): Config {
  const file = sources.file === undefined ? {} : parseFile(sources.file.content, sources.file.path)
  refuseUnknownVariables(sources.env)
  const origins: Record<string, Origin> = {}
  const values: Record<string, Record<string, unknown>> = {}
  for (const [section, keys] of sections()) {
    const chosen: Record<string, unknown> = {}
    for (const [name, key] of Object.entries(keys)) {
      const found = readKey({ section, name, key }, file, sources)
      chosen[name] = found.value
      origins[`${snakeCase(section)}.${snakeCase(name)}`] = found.origin
    }
    values[section] = chosen
  }
  // Each value has passed its own key's schema; only the assembled shape is beyond the compiler.
  const typed = values as unknown as ConfigValues
  return deepFreeze({
    ...typed,
    executors: file.executors ?? {},
    paths: resolvePaths(typed, sources.cwd),
    origins,
  })
}

/** Every section of the schema with its keys, in the order of the reference page. */
export function sections(): ReadonlyArray<readonly [string, Readonly<Record<string, Key<unknown>>>]> {
  return Object.entries<Record<string, Key<unknown>>>(CONFIG_SCHEMA)
}

interface NamedKey {
  readonly section: string
  readonly name: string
  readonly key: Key<unknown>
}

function readKey(
  { section, name, key }: NamedKey,
  file: ConfigFile,
  sources: ConfigSources,
): { value: unknown; origin: Origin } {
  const variable = environmentName(section, name)
  const shortcut = section === 'core' && name === 'home' ? sources.env['FAIRLEAD_HOME'] : undefined
  const raw = sources.env[variable] ?? shortcut
  if (raw !== undefined) {
    const origin: Origin = {
      kind: 'environment',
      variable: sources.env[variable] === undefined ? 'FAIRLEAD_HOME' : variable,
    }
    return { value: checked(key, key.fromText(raw), `environment variable ${origin.variable}`), origin }
  }
  const written = (file as Record<string, Record<string, unknown> | undefined>)[section]?.[name]
  if (written === undefined || sources.file === undefined) return { value: key.fallback, origin: { kind: 'default' } }
  const where = `${section}.${name} in ${sources.file.path}`
  return { value: checked(key, written, where), origin: { kind: 'file', path: sources.file.path } }
}

function checked(key: Key<unknown>, value: unknown, where: string): unknown {
  const result = key.schema.safeParse(value)
  if (result.success) return result.data
  const given = key.isSensitive ? '' : ` (it is ${JSON.stringify(value)})`
  throw new ConfigError(
    `The ${where} must be ${key.type}${key.unit === null ? '' : ` in ${key.unit}`}: ${result.error.issues[0]?.message ?? 'invalid'}${given}. Correct or remove it.`,
  )
}

function parseFile(content: unknown, path: string): ConfigFile {
  const parsed = configFileSchema.safeParse(content)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ConfigError(
      `${path}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is invalid'}. Export an object by \`defineConfig\`.`,
    )
  }
  for (const [section, keys] of Object.entries(parsed.data)) refuseUnknownKeys(section, keys, path)
  return parsed.data
}

function refuseUnknownKeys(section: string, keys: unknown, path: string): void {
  if (section === 'executors') return
  const known = sections().map(([name]) => name)
  const schema = sections().find(([name]) => name === section)?.[1]
  if (schema === undefined) {
    throw unknownName(`section "${section}" in ${path}`, nearestName(section, [...known, 'executors']))
  }
  if (typeof keys !== 'object' || keys === null) return
  const wrong = Object.keys(keys).find((key) => !(key in schema))
  if (wrong !== undefined) {
    throw unknownName(`key "${section}.${wrong}" in ${path}`, nearestName(wrong, Object.keys(schema)))
  }
}

function refuseUnknownVariables(env: ConfigSources['env']): void {
  const known = sections().flatMap(([section, keys]) => Object.keys(keys).map((key) => environmentName(section, key)))
  for (const name of Object.keys(env)) {
    // A machine may have workers too, which are told what to do by names of their own.
    if (name.startsWith('FAIRLEAD__') && !name.startsWith('FAIRLEAD__WORKER__') && !known.includes(name)) {
      throw unknownName(`environment variable ${name}`, nearestName(name, known))
    }
  }
}

function unknownName(what: string, nearest: string | null): ConfigError {
  return new ConfigError(`Unknown ${what}. Did you mean "${nearest ?? ''}"? \`fairlead config list\` shows every key.`)
}

function resolvePaths(values: ConfigValues, cwd: string): ConfigPaths {
  const home = resolve(cwd, values.core.home)
  const { url } = values.database
  return {
    home,
    dagsFolder: resolve(cwd, values.core.dagsFolder),
    databaseUrl: url === '' ? join(home, 'fairlead.db') : isAddress(url) || isAbsolute(url) ? url : resolve(cwd, url),
    logs: resolve(cwd, values.logging.baseLogFolder ?? join(home, 'logs')),
    keys: resolve(cwd, values.security.keysFolder ?? join(home, 'keys')),
    bundles: join(home, 'bundles'),
    run: join(home, 'run'),
  }
}

function isAddress(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}
