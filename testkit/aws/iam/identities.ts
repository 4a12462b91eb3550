import { randomBytes } from 'node:crypto'
import type { DoubleClock } from '../double-clock.ts'
import { ALLOW_ALL, isAllowed, unusedActions, type Need, type PolicyDocument } from './policy.ts'

/** Account of everything in the double. */
export const ACCOUNT = '123456789012'

/** What a client signs with. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Who signed a request. */
export interface Caller {
  readonly accessKeyId: string
  readonly arn: string
  readonly userId: string
}

/** A role that callers may assume, or that functions run under. */
export interface Role {
  readonly name: string
  readonly policy?: PolicyDocument
  /** ARNs of who may assume it, with `*` at will. Anyone of the account by default. */
  readonly trusted?: readonly string[]
}

interface Identity {
  readonly credentials: Credentials
  readonly caller: Caller
  policy: PolicyDocument
  expiresAt: number | null
  /** One need by action: what a policy is for. */
  readonly used: Map<string, Need>
}

/** Access keys and roles, each with its policy. What no policy allows is denied. */
export class Identities {
  readonly #clock: DoubleClock
  readonly #identities = new Map<string, Identity>()
  readonly #roles = new Map<string, Role>()
  /** What was asked for and denied, in order. */
  readonly denied: Need[] = []
  /** Keys of one who may do everything. */
  readonly administrator: Credentials

  constructor(clock: DoubleClock) {
    this.#clock = clock
    this.administrator = this.createUser({ name: 'administrator' })
  }

  /** A user with an access key. Without a policy it may do everything. */
  createUser(user: { readonly name: string; readonly policy?: PolicyDocument }): Credentials {
    const credentials = { accessKeyId: keyId('AKIA'), secretAccessKey: secret() }
    const caller = {
      accessKeyId: credentials.accessKeyId,
      arn: `arn:aws:iam::${ACCOUNT}:user/${user.name}`,
      userId: keyId('AIDA'),
    }
    return this.#remember({ credentials, caller, policy: user.policy ?? ALLOW_ALL, expiresAt: null, used: new Map() })
  }

  /** A role. Answers its ARN. */
  createRole(role: Role): string {
    const arn = `arn:aws:iam::${ACCOUNT}:role/${role.name}`
    this.#roles.set(arn, role)
    return arn
  }

  roleOf(arn: string): Role | null {
    return this.#roles.get(arn) ?? null
  }

  /** True where the role's policy allows it. Remembers what is denied. */
  isRoleAllowed(arn: string, need: Need): boolean {
    const isDenied = !isAllowed(this.roleOf(arn)?.policy ?? ALLOW_ALL, need)
    if (isDenied) this.denied.push(need)
    return !isDenied
  }

  /** Credentials of a session of a role, which end. */
  openSession(session: { readonly roleArn: string; readonly name: string; readonly durationSeconds: number }): {
    readonly credentials: Required<Credentials>
    readonly caller: Caller
    readonly expiresAt: number
  } {
    const role = this.roleOf(session.roleArn)
    if (role === null) throw new Error(`There is no role ${session.roleArn}. Create it first.`)
    const credentials = { accessKeyId: keyId('ASIA'), secretAccessKey: secret(), sessionToken: secret(120) }
    const caller = {
      accessKeyId: credentials.accessKeyId,
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role.name}/${session.name}`,
      userId: `${keyId('AROA')}:${session.name}`,
    }
    const expiresAt = this.#clock.now() + session.durationSeconds * 1000
    this.#remember({ credentials, caller, policy: role.policy ?? ALLOW_ALL, expiresAt, used: new Map() })
    return { credentials, caller, expiresAt }
  }

  /** The credentials expire now, or are good again. */
  expire(accessKeyId: string): void {
    this.#identity(accessKeyId).expiresAt = this.#clock.now()
  }

  renew(accessKeyId: string): void {
    this.#identity(accessKeyId).expiresAt = null
  }

  /** Nobody knows the key any more. */
  remove(accessKeyId: string): void {
    this.#identities.delete(accessKeyId)
  }

  setPolicy(accessKeyId: string, policy: PolicyDocument): void {
    this.#identity(accessKeyId).policy = policy
  }

  /** Actions that this key was allowed so far. */
  usedBy(accessKeyId: string): readonly string[] {
    return [...this.#identity(accessKeyId).used.keys()]
  }

  /** Actions in this key's policy that it never needed. */
  unusedBy(accessKeyId: string): readonly string[] {
    const { policy, used } = this.#identity(accessKeyId)
    return unusedActions(policy, [...used.values()])
  }

  /** The credentials behind a key, whether they are still good, and whose they are. Null for a key that nobody knows. */
  find(accessKeyId: string): { credentials: Credentials; caller: Caller; isExpired: boolean } | null {
    const identity = this.#identities.get(accessKeyId)
    if (identity === undefined) return null
    const { credentials, caller, expiresAt } = identity
    return { credentials, caller, isExpired: expiresAt !== null && expiresAt <= this.#clock.now() }
  }

  /** The first of the needs that the caller's policy does not allow, or null. Remembers either. */
  firstDenied(caller: Caller, needs: readonly Need[]): Need | null {
    const { policy, used } = this.#identity(caller.accessKeyId)
    const denied = needs.find((need) => !isAllowed(policy, need))
    if (denied === undefined) for (const need of needs) used.set(need.action, need)
    else this.denied.push(denied)
    return denied ?? null
  }

  #remember(identity: Identity): Credentials {
    this.#identities.set(identity.credentials.accessKeyId, identity)
    return identity.credentials
  }

  #identity(accessKeyId: string): Identity {
    const identity = this.#identities.get(accessKeyId)
    if (identity === undefined) throw new Error(`Nobody has the access key ${accessKeyId}.`)
    return identity
  }
}

function keyId(prefix: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return prefix + [...randomBytes(16)].map((byte) => alphabet[byte % 32] ?? '').join('')
}

function secret(bytes = 30): string {
  return randomBytes(bytes).toString('base64')
}
