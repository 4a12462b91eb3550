/** Where a task finds room on EC2 instances, as rules: what each instance lacks for it. */

/** A container instance: what it has, and what it is. */
export interface ContainerInstance {
  /** CPU units, 1024 a core. */
  readonly cpu: number
  /** MiB. */
  readonly memory: number
  readonly attributes?: Readonly<Record<string, string>>
  /** False when its agent is not connected. */
  readonly isConnected?: boolean
}

/** What a task wants of an instance. */
export interface PlacementWish {
  readonly cpu: number
  readonly memory: number
  /** `attribute:name == value`, as in a constraint memberOf. */
  readonly constraints: readonly string[]
}

/** Where a task goes: to the instance of this index, or nowhere, for a reason by instance. */
export type Placement =
  | { readonly kind: 'placed'; readonly instance: number }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }

/** Places a task beside what is on the instances already. */
export function placeTask(
  instances: readonly ContainerInstance[],
  taken: ReadonlyArray<{ readonly cpu: number; readonly memory: number }>,
  wish: PlacementWish,
): Placement {
  const lacking = instances.map((instance, index) => lackOf(instance, taken[index] ?? { cpu: 0, memory: 0 }, wish))
  const fitting = lacking.indexOf(null)
  if (fitting !== -1) return { kind: 'placed', instance: fitting }
  return { kind: 'refused', reasons: lacking.flatMap((reason) => reason ?? []) }
}

function lackOf(
  instance: ContainerInstance,
  taken: { readonly cpu: number; readonly memory: number },
  wish: PlacementWish,
): string | null {
  if (instance.isConnected === false) return 'AGENT'
  if (!wish.constraints.every((constraint) => meets(instance, constraint))) return 'ATTRIBUTE'
  if (instance.cpu - taken.cpu < wish.cpu) return 'RESOURCE:CPU'
  if (instance.memory - taken.memory < wish.memory) return 'RESOURCE:MEMORY'
  return null
}

function meets({ attributes = {} }: ContainerInstance, constraint: string): boolean {
  const match = /^attribute:(\S+) *== *(\S+)$/.exec(constraint.trim())
  if (match === null) throw new Error(`The double knows no constraint "${constraint}", only attribute:name == value.`)
  const [, name = '', value = ''] = match
  return attributes[name] === value
}
