/** Realistic bugs, each a change of core's sources. The simulation has to find every one. */

/** A bug to plant. */
export interface PlantedBug {
  readonly name: string
  /** Relative to `packages/core/src`. */
  readonly file: string
  readonly changes: readonly Change[]
  /** Where the search begins; default 1. */
  readonly firstSeed?: number
}

/** Text that occurs once in the file, and what stands there instead. */
export interface Change {
  readonly find: string
  readonly replace: string
}

/** All of them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a report counts whichever hand-over it is of',
    // Rare, as is the next one: a hand-over is replaced while its worker lives, which schedulers take care to avoid.
    firstSeed: 780,
    file: 'moves/settle-task-instances.ts',
    changes: [
      {
        find: `if (row.dispatch_id !== settlement.dispatchId) return`,
        replace: `if (row.dispatch_id === null) return`,
      },
    ],
  },
  {
    name: 'a worker may start under a dispatch that was replaced',
    firstSeed: 700,
    file: 'moves/start-task-instances.ts',
    changes: [
      { find: `if (row.dispatch_id !== request.dispatchId) return`, replace: `if (row.dispatch_id === null) return` },
    ],
  },
  {
    name: 'events are acknowledged before what follows from them is committed',
    file: 'dispatch/dispatcher.ts',
    changes: [
      {
        find: `      if (last === undefined) continue\n`,
        replace: `      if (last === undefined) continue\n      executor.acknowledge(last.place)\n`,
      },
    ],
  },
  {
    name: 'a slot is freed before the commit of the end that frees it',
    file: 'moves/settle-dispatches.ts',
    changes: [
      { find: `export function settleDispatches(`, replace: `export async function settleDispatches(` },
      {
        find: `  return inTransaction(context, async (tx) => {\n`,
        replace: `  const freed = await context.database.transaction((tx) => releaseDispatches(tx, ended))
  return inTransaction(context, async (tx) => {\n`,
      },
      {
        find: `await releaseDispatches(tx, over)`,
        replace: `freed`,
      },
    ],
  },
  {
    name: 'a slot is freed as soon as the attempt settles, while its process lives',
    file: 'moves/settle-task-instances.ts',
    changes: [
      {
        find: `    (tx) => settleIn(tx, context, settlements),\n`,
        replace: `    async (tx) => {
      await tx.query.deleteFrom('dispatch').where('dispatch_id', 'in', settlements.map((s) => s.dispatchId)).execute()
      return settleIn(tx, context, settlements)
    },\n`,
      },
    ],
  },
  {
    name: 'a slot is freed twice: the end of an earlier hand-over frees that of the present one',
    file: 'db/queries/dispatches.ts',
    changes: [
      {
        find: `  delete from dispatch where dispatch_id in (
    select p.dispatch_id from`,
        replace: `  delete from dispatch where task_instance_id in (
    select p.task_instance_id from`,
      },
    ],
  },
  {
    name: 'an executor may end what is not its own',
    file: 'dispatch/dispatcher.ts',
    changes: [{ find: `[{ ...event, executor, actor: 'executor' }]`, replace: `[{ ...event, actor: 'executor' }]` }],
  },
  {
    name: 'a scheduler goes on claiming after it lost its lease',
    file: 'moves/claim-task-instances.ts',
    changes: [
      {
        find: `if (!(await takeClaimTurn(tx, scheduler.id, now))) return { kind: 'fenced' }`,
        replace: `await takeClaimTurn(tx, scheduler.id, now)`,
      },
    ],
  },
  {
    name: 'work is handed over again under a new dispatch id',
    file: 'dispatch/adopt-orphans.ts',
    changes: [
      {
        find: `dispatcher.handOverDispatches(queuedAgain.map((row) => row.dispatch_id))`,
        replace: `dispatcher.handOverDispatches(
      await context.database.transaction(async ({ query }) => {
        const fresh: string[] = []
        for (const row of queuedAgain) {
          const dispatch_id = context.environment.random.uuid(context.environment.clock.now())
          await query.updateTable('dispatch').set({ dispatch_id }).where('dispatch_id', '=', row.dispatch_id).execute()
          await query.updateTable('task_instance').set({ dispatch_id }).where('id', '=', row.task_instance_id).execute()
          fresh.push(dispatch_id)
        }
        return fresh
      }),
    )`,
      },
    ],
  },
  {
    name: 'work that is queued takes no slots of its pool until it runs',
    file: 'db/queries/capacity-reads.ts',
    changes: [
      {
        find: `sum(pool_slots) as pool_used`,
        replace: `sum(case when task_instance_id in (select id from task_instance where state = 'queued') then 0
    else pool_slots end) as pool_used`,
      },
    ],
  },
  {
    name: 'one slot too many is given out',
    file: 'db/queries/capacity-reads.ts',
    changes: [{ find: `pool, count(*) as used,`, replace: `pool, count(*) - 1 as used,` }],
  },
  {
    name: 'of two that wait for the same, the one that is behind goes first',
    file: 'model/admission.ts',
    changes: [{ find: `  (c) => -c.priority,`, replace: `  (c) => c.priority,` }],
  },
  {
    name: 'explain says ready where a pool is full',
    file: 'dispatch/explain-task-instance.ts',
    changes: [
      {
        find: `  if (gate !== undefined) return heldBy(gate)`,
        replace: `  if (gate !== undefined && gate.kind !== 'pool_full') return heldBy(gate)`,
      },
    ],
  },
  {
    name: 'an upstream is counted twice',
    file: 'moves/propagate.ts',
    changes: [
      {
        find: `  countUpstream(change, state, isSetup)\n`,
        replace: `  countUpstream(change, state, isSetup)\n  countUpstream(change, state, isSetup)\n`,
      },
    ],
  },
  {
    name: 'a task that became ready twice in one move is scheduled twice',
    file: 'moves/propagate.ts',
    changes: [
      {
        find: `const key = \`\${row.run_key}/\${row.task_index}/\${row.map_index}\``,
        replace: `const key = \`\${row.run_key}/\${row.task_index}/\${row.map_index}/\${row.up_success + row.up_skipped + row.up_failed + row.up_upstream_failed}\``,
      },
    ],
  },
  {
    name: 'what follows downstream is written after the commit',
    file: 'moves/settle-task-instances.ts',
    changes: [
      { find: `import { lockRunsOfTaskInstances }`, replace: `import { lockRuns, lockRunsOfTaskInstances }` },
      {
        find: `  return inTransaction(
    context,
    (tx) => settleIn(tx, context, settlements),
    (answers) => answers.some(({ kind }) => kind === 'moved'),
  )
}
`,
        replace: `  const answers = await inTransaction(context, (tx) => settleIn(tx, context, settlements))
  const settled = later.splice(0)
  if (settled.length > 0) {
    await inTransaction(context, async (tx) => {
      const ledger = new RunLedger(tx, context, await lockRuns(tx, settled.map((one) => one.runKey)))
      await propagate(ledger, settled)
      await ledger.close()
    })
  }
  return answers
}

const later: SettledTask[] = []
`,
      },
      { find: `export function settleTaskInstances(`, replace: `export async function settleTaskInstances(` },
      {
        find: `  await propagate(ledger, await writeSettled(ledger, ends))`,
        replace: `  later.push(...(await writeSettled(ledger, ends)))`,
      },
    ],
  },
  {
    name: 'a report that is told twice at once settles twice',
    file: 'moves/settle-task-instances.ts',
    changes: [{ find: `if (claimed.has(row.id)) return { kind: 'repeated' }`, replace: `` }],
  },
  {
    name: 'a sweep settles what has moved on since it looked',
    // Rare: an attempt must start in the moment between a sweep's look and its move.
    firstSeed: 7_700,
    file: 'moves/settle-task-instances.ts',
    changes: [
      {
        find: `if (settlement.isOfQueued && row.state !== 'queued')`,
        replace: `if (settlement.isOfQueued && row.state === 'none')`,
      },
    ],
  },
  {
    name: 'work is adopted under a lease that is not taken yet',
    // Rare: a lease must be lost, and the database away when the next one is to be taken.
    firstSeed: 200,
    file: 'scheduler/scheduler.ts',
    changes: [
      {
        find: `    await lease.take()\n    this.#lease = lease\n`,
        replace: `    this.#lease = lease\n    await lease.take()\n`,
      },
    ],
  },
  {
    name: 'a window is not refitted when a run leaves it',
    file: 'moves/run-ledger.ts',
    changes: [
      {
        find: `run.is_windowed === 1 || this.run(run.run_key).row.is_windowed === 1 || this.run(run.run_key).mustRefit`,
        replace: `run.is_windowed === 1`,
      },
    ],
  },
]
