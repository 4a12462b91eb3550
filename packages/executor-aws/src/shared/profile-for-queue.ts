/**
 * Where the tasks of a queue go. Without a map every queue has the same profile; with one, a queue that is not in it is
 * refused: its tasks would run where nobody meant them to.
 */
export function profileForQueue<Profile>(
  queue: string,
  queues: Readonly<Record<string, Profile>> | undefined,
):
  | { readonly kind: 'profile'; readonly profile: Profile | null }
  | { readonly kind: 'unknown'; readonly detail: string } {
  if (queues === undefined) return { kind: 'profile', profile: null }
  const profile = Object.hasOwn(queues, queue) ? queues[queue] : undefined
  if (profile !== undefined) return { kind: 'profile', profile }
  if (queue === DEFAULT_QUEUE) return { kind: 'profile', profile: null }
  const known = Object.keys(queues)
    .map((name) => `"${name}"`)
    .join(', ')
  return {
    kind: 'unknown',
    detail: `There is no queue "${queue}" on this executor. Its queues are ${known}: choose one, or add it to "queues".`,
  }
}

/** Where tasks go that name no queue. */
const DEFAULT_QUEUE = 'default'
