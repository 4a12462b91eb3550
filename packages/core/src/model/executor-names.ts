/**
 * Airflow's grammar for the executors of a deployment: `AcmeExecutor,far:OtherExecutor,mine:./executors/mine.ts#Mine`.
 * It judges text alone; whether a short name is known or a module loads is found out later, by who loads it.
 */

/** Where an executor's class is: a short name from the table of built-in ones, or an export of a module. */
export type ExecutorReference =
  | { readonly kind: 'shortName'; readonly shortName: string }
  | { readonly kind: 'module'; readonly module: string; readonly exportName: string }

/** One configured executor. */
export interface ExecutorEntry {
  /** The alias, or else the short name or the class name: what a task's `executor` says. Unique. */
  readonly name: string
  readonly reference: ExecutorReference
}

/** A text that is no list of executors. The message says what is wrong and what to write. */
export class ExecutorNamesError extends Error {
  readonly code = 'EXECUTOR_NAMES_INVALID'

  constructor(message: string) {
    super(message)
    this.name = 'ExecutorNamesError'
  }
}

/** Reads a list of executors; the first is the default. Throws {@link ExecutorNamesError}. */
export function parseExecutorNames(text: string): readonly ExecutorEntry[] {
  if (text.trim() === '')
    throw new ExecutorNamesError('No executor is configured. Name at least one, as a short name or as "module#Class".')
  refuseTeams(text)
  const items = text.split(',').map((item) => item.trim())
  if (items.includes('')) throw new ExecutorNamesError(`"${text}" names an empty executor. Remove the comma too many.`)
  const entries = items.map(parseItem)
  refuseSameName(entries)
  refuseSameClass(entries)
  return entries
}

/** The same reference again, as text. */
export function formatExecutorReference(reference: ExecutorReference): string {
  return reference.kind === 'shortName' ? reference.shortName : `${reference.module}#${reference.exportName}`
}

interface Item extends ExecutorEntry {
  readonly hasAlias: boolean
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
const ALIAS = /^[\w.$-]+$/
/** A package, or a path as `import` takes it. A URL such as `file:///x.ts` keeps its colon. */
const MODULE = /^(?:\.{1,2}\/|\/|@?[\w-])[^#\s]*$/
const SCHEME = /^(?:file|node):/

function parseItem(item: string): Item {
  const colon = SCHEME.test(item) ? -1 : item.indexOf(':')
  if (colon === -1) return { ...unaliased(item), hasAlias: false }
  const alias = item.slice(0, colon).trim()
  const target = item.slice(colon + 1).trim()
  if (!ALIAS.test(alias))
    throw incorrect(item, `"${alias}" cannot be an alias: use letters, digits, "_", "-", "." and "$"`)
  if (target === '') throw incorrect(item, `nothing follows the alias "${alias}"`)
  if (!SCHEME.test(target) && target.includes(':')) throw incorrect(item, 'it has more than one ":"')
  return { name: alias, reference: parseReference(target, item), hasAlias: true }
}

function unaliased(item: string): ExecutorEntry {
  const reference = parseReference(item, item)
  if (reference.kind === 'module' && reference.exportName === 'default') {
    throw incorrect(item, `an export named "default" gives it no name, so it needs an alias, such as "mine:${item}"`)
  }
  return { name: reference.kind === 'shortName' ? reference.shortName : reference.exportName, reference }
}

function parseReference(target: string, item: string): ExecutorReference {
  const [module = '', exportName, ...rest] = target.split('#')
  if (exportName === undefined) return parseShortName(module, item)
  if (rest.length > 0) throw incorrect(item, 'it has more than one "#"')
  if (!MODULE.test(module)) throw incorrect(item, `"${module}" is neither a package nor a path`)
  if (!IDENTIFIER.test(exportName)) throw incorrect(item, `"${exportName}" cannot be the name of an exported class`)
  return { kind: 'module', module, exportName }
}

function parseShortName(text: string, item: string): ExecutorReference {
  if (IDENTIFIER.test(text)) return { kind: 'shortName', shortName: text }
  if (/^[\w$]+(?:\.[\w$]+)+$/.test(text)) {
    const [name = '', ...path] = text.split('.').toReversed()
    const example = `${path.toReversed().join('.')}#${name}`
    throw incorrect(
      item,
      `"${text}" names a class with a dot, as Python does; write it after "#", such as "${example}"`,
    )
  }
  throw incorrect(item, `"${text}" is neither the name of an executor nor "module#Class"`)
}

/** Airflow's team groups: `AcmeExecutor;team=OtherExecutor`. A path may hold a "=", so only a team's position counts. */
function refuseTeams(text: string): void {
  const group = text.split(';').find((part, index) => index > 0 || /^\s*[\w-]*\s*=/.test(part))
  if (group === undefined) return
  throw new ExecutorNamesError(
    `"${text}" gives executors to teams, and this Fairlead has no teams yet. Write one list without ";" and "=", such as "Name,alias:module#Class".`,
  )
}

function refuseSameName(entries: readonly Item[]): void {
  const seen = new Set<string>()
  for (const { name, reference, hasAlias } of entries) {
    if (seen.has(name)) {
      const what = formatExecutorReference(reference)
      throw new ExecutorNamesError(
        `Two executors are named "${name}". Give each an alias of its own, such as "${name}2:${what}".` +
          (hasAlias ? '' : ' A class may be configured twice only under two aliases.'),
      )
    }
    seen.add(name)
  }
}

/** Airflow refuses one class twice; here two aliases make two instances, and one of them without an alias is an error. */
function refuseSameClass(entries: readonly Item[]): void {
  for (const entry of entries) {
    const what = formatExecutorReference(entry.reference)
    const twin = entries.find((other) => other !== entry && formatExecutorReference(other.reference) === what)
    if (twin === undefined || (entry.hasAlias && twin.hasAlias)) continue
    throw new ExecutorNamesError(
      `"${what}" is configured twice. Give both an alias of their own, such as "first:${what},second:${what}".`,
    )
  }
}

function incorrect(item: string, reason: string): ExecutorNamesError {
  return new ExecutorNamesError(
    `"${item}" is not a correct executor: ${reason}. Write "Name", "module#Class", or "alias:" before either.`,
  )
}
