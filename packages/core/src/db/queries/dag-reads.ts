import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import type { DagTable, DagVersionTable, Schema } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** What lists of Dags can be narrowed by. */
export interface DagFilter {
  readonly dagIdPattern?: string | undefined
  readonly isPaused?: boolean | undefined
  readonly tags?: readonly string[] | undefined
  readonly areAllTagsNeeded?: boolean | undefined
  readonly excludeStale?: boolean | undefined
  readonly hasImportErrors?: boolean | undefined
  readonly lastRunState?: string | undefined
}

/** A Dag with the hash of its newest version and whether its file fails to load now. */
export type DagRow = Selectable<DagTable> & { readonly hash: string; readonly has_import_error: number }

/** Names by which lists of Dags can be ordered. */
export const DAG_ORDER = {
  dag_id: 'dag.dag_id',
  dag_display_name: 'dag.dag_id',
  next_dagrun: 'dag.next_run_after',
} as const

/** A page of Dags. */
export async function listDags(db: Kysely<Schema>, filter: DagFilter, page: Page): Promise<Paged<DagRow>> {
  const matching = narrow(dagsOf(db), filter)
  const { total } = (await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()) ?? { total: 0 }
  let query = selectDag(matching)
  for (const [column, direction] of orderTerms(page, DAG_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('dag.dag_id').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf({ total }) }
}

/** One Dag, active or not. */
export function findDag(db: Kysely<Schema>, dagId: string): Promise<DagRow | undefined> {
  return selectDag(dagsOf(db)).where('dag.dag_id', '=', dagId).executeTakeFirst()
}

/** A page of a Dag's versions. */
export async function listDagVersions(
  db: Kysely<Schema>,
  dagId: string,
  page: Page,
): Promise<Paged<Selectable<DagVersionTable>>> {
  const matching = db.selectFrom('dag_version').where('dag_id', '=', dagId)
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching.selectAll()
  for (const [column, direction] of orderTerms(page, VERSION_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('version_number').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** Names by which lists of versions can be ordered. */
export const VERSION_ORDER = {
  id: 'version_number',
  version_number: 'version_number',
  bundle_name: 'bundle_name',
  bundle_version: 'hash',
} as const

/** One version of a Dag by its number. */
export function findDagVersion(
  db: Kysely<Schema>,
  dagId: string,
  versionNumber: number,
): Promise<Selectable<DagVersionTable> | undefined> {
  return db
    .selectFrom('dag_version')
    .selectAll()
    .where('dag_id', '=', dagId)
    .where('version_number', '=', versionNumber)
    .executeTakeFirst()
}

/** Versions by their ids. */
export async function findVersions(
  db: Kysely<Schema>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Selectable<DagVersionTable>>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('dag_version')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

type DagQuery<O> = SelectQueryBuilder<Schema, 'dag' | 'dag_version', O>

function dagsOf(db: Kysely<Schema>): DagQuery<object> {
  return db.selectFrom('dag').innerJoin('dag_version', 'dag_version.id', 'dag.version_id')
}

function selectDag(query: DagQuery<object>): DagQuery<DagRow> {
  return query
    .selectAll('dag')
    .select('dag_version.hash')
    .select((eb) =>
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('import_error')
              .select('import_error.file')
              .whereRef('import_error.bundle_name', '=', 'dag.bundle_name')
              .whereRef('import_error.file', '=', 'dag.file'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('has_import_error'),
    )
}

function narrow(query: DagQuery<object>, filter: DagFilter): DagQuery<object> {
  const { dagIdPattern, isPaused, tags = [], hasImportErrors, lastRunState } = filter
  let narrowed = query
  if (filter.excludeStale ?? true) narrowed = narrowed.where('dag.is_active', '=', 1)
  if (isPaused !== undefined) narrowed = narrowed.where('dag.is_paused', '=', isPaused ? 1 : 0)
  if (dagIdPattern !== undefined) narrowed = narrowed.where((eb) => matchesPattern(eb.ref('dag.dag_id'), dagIdPattern))
  if (tags.length > 0) {
    // Tags are a JSON array of strings; a quoted tag cannot be part of another.
    narrowed = narrowed.where((eb) => {
      const each = tags.map((tag) => eb('dag.tags', 'like', `%${JSON.stringify(tag)}%`))
      return filter.areAllTagsNeeded === true ? eb.and(each) : eb.or(each)
    })
  }
  if (hasImportErrors !== undefined) {
    narrowed = narrowed.where((eb) => {
      const failing = eb.exists(
        eb
          .selectFrom('import_error')
          .select('import_error.file')
          .whereRef('import_error.bundle_name', '=', 'dag.bundle_name')
          .whereRef('import_error.file', '=', 'dag.file'),
      )
      return hasImportErrors ? failing : eb.not(failing)
    })
  }
  if (lastRunState !== undefined) {
    narrowed = narrowed.where((eb) =>
      eb(
        eb
          .selectFrom('dag_run')
          .select('dag_run.state')
          .whereRef('dag_run.dag_id', '=', 'dag.dag_id')
          .orderBy('dag_run.run_key', 'desc')
          .limit(1)
          .$castTo<string>(),
        '=',
        lastRunState,
      ),
    )
  }
  return narrowed
}

/** Every file of a bundle that has active Dags or an import error on record. */
export async function listDagFiles(db: Kysely<Schema>, bundleName: string): Promise<readonly string[]> {
  const withDags = db.selectFrom('dag').select('file').where('bundle_name', '=', bundleName).where('is_active', '=', 1)
  const failing = db.selectFrom('import_error').select('file').where('bundle_name', '=', bundleName)
  const rows = await withDags.union(failing).execute()
  return rows.map(({ file }) => file)
}

/** How many Dags are active, and how many files do not load. */
export async function countDags(db: Kysely<Schema>): Promise<{ readonly active: number; readonly failing: number }> {
  const active = await db
    .selectFrom('dag')
    .where('is_active', '=', 1)
    .select((eb) => eb.fn.countAll().as('total'))
    .executeTakeFirst()
  const failing = await db
    .selectFrom('import_error')
    .select((eb) => eb.fn.countAll().as('total'))
    .executeTakeFirst()
  return { active: totalOf(active), failing: totalOf(failing) }
}
