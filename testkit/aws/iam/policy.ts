/** Rules of IAM, as far as an identity's own policy goes: effect, actions, resources, and conditions on strings and ARNs. */

/** A policy document, as it is written in JSON. */
export interface PolicyDocument {
  readonly Version?: string
  readonly Statement: Statement | readonly Statement[]
}

/** One statement of a policy. */
export interface Statement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

/** One thing a request needs: an action on a resource, and what conditions may look at. */
export interface Need {
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, string>>
}

/** Everything is allowed. */
export const ALLOW_ALL: PolicyDocument = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: '*', Resource: '*' },
}

/** True when a statement allows it and none denies it. */
export function isAllowed(policy: PolicyDocument, need: Need): boolean {
  const applying = listOf(policy.Statement).filter((statement) => applies(statement, need))
  return applying.some(({ Effect }) => Effect === 'Allow') && !applying.some(({ Effect }) => Effect === 'Deny')
}

/** Actions that a policy names and that none of the needs asked for: what it grants in vain. */
export function unusedActions(policy: PolicyDocument, used: readonly Need[]): readonly string[] {
  return listOf(policy.Statement)
    .flatMap(({ Action }) => listOf(Action))
    .filter((pattern) => !used.some(({ action }) => matches(pattern.toLowerCase(), action.toLowerCase())))
}

function applies(statement: Statement, { action, resource, context = {} }: Need): boolean {
  return (
    listOf(statement.Action).some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
    listOf(statement.Resource).some((pattern) => matches(pattern, resource)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => holds(operator, context[key], listOf(values))),
    )
  )
}

function holds(operator: string, actual: string | undefined, wanted: readonly string[]): boolean {
  const [name = '', ifExists] = operator.split('IfExists')
  if (actual === undefined) return ifExists !== undefined
  switch (name) {
    case 'StringEquals':
      return wanted.includes(actual)
    case 'StringNotEquals':
      return !wanted.includes(actual)
    case 'StringLike':
    case 'ArnLike':
    case 'ArnEquals':
      return wanted.some((pattern) => matches(pattern, actual))
    default:
      throw new Error(`The double knows no condition "${operator}". Teach it, or write the policy without.`)
  }
}

/** `*` stands for anything, `?` for one character. */
export function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
