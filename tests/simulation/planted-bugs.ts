/** Realistic bugs, each a change of one place in core's sources. The simulation has to find every one. */

/** A bug to plant. */
export interface PlantedBug {
  readonly name: string
  /** Relative to `packages/core/src`. */
  readonly file: string
  /** Text that occurs once in the file. */
  readonly find: string
  readonly replace: string
}

/** All of them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a worker may start under a dispatch that was replaced',
    file: 'moves/start-task-instances.ts',
    find: `if (row.dispatch_id !== request.dispatchId) return`,
    replace: `if (row.dispatch_id === null) return`,
  },
  {
    name: 'events are acknowledged before what follows from them is committed',
    file: 'dispatch/dispatcher.ts',
    find: `      if (last === undefined) continue\n`,
    replace: `      if (last === undefined) continue\n      executor.acknowledge(last.place)\n`,
  },
  {
    name: 'a slot is freed as soon as the attempt settles, while its process lives',
    file: 'moves/settle-task-instances.ts',
    find: `  return inTransaction(context, (tx) => settleIn(tx, context, settlements))`,
    replace: `  return inTransaction(context, async (tx) => {
    await tx.query.deleteFrom('dispatch').where('dispatch_id', 'in', settlements.map((s) => s.dispatchId)).execute()
    return settleIn(tx, context, settlements)
  })`,
  },
  {
    name: 'an upstream is counted twice',
    file: 'moves/propagate.ts',
    find: `  change[FIELD[state]] += 1\n`,
    replace: `  change[FIELD[state]] += 2\n`,
  },
  {
    name: 'a task that became ready twice in one move is scheduled twice',
    file: 'moves/propagate.ts',
    find: `const key = \`\${row.run_key}/\${row.task_index}/\${row.map_index}\``,
    replace: `const key = \`\${row.run_key}/\${row.task_index}/\${row.map_index}/\${row.up_success + row.up_skipped + row.up_failed + row.up_upstream_failed}\``,
  },
  {
    name: 'a report that is told twice at once settles twice',
    file: 'moves/settle-task-instances.ts',
    find: `if (claimed.has(row.id)) return { kind: 'repeated' }`,
    replace: ``,
  },
  {
    name: 'one slot too many is given out',
    file: 'db/queries/claims.ts',
    find: `select executor, count(*) as used from dispatch group by executor`,
    replace: `select executor, count(*) - 1 as used from dispatch group by executor`,
  },
  {
    name: 'a scheduler goes on claiming after it lost its lease',
    file: 'moves/claim-task-instances.ts',
    find: `if (!(await isLeaseHeld(tx, scheduler.id, now))) return { kind: 'fenced' }`,
    replace: `await isLeaseHeld(tx, scheduler.id, now)`,
  },
  {
    name: 'a window is not refitted when a run leaves it',
    file: 'moves/run-ledger.ts',
    find: `run.is_windowed === 1 || this.run(run.run_key).row.is_windowed === 1 || this.run(run.run_key).mustRefit`,
    replace: `run.is_windowed === 1`,
  },
]
