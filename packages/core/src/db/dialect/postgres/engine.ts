import { setTimeout as sleep } from 'node:timers/promises'
import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type Dialect } from 'kysely'
import pg from 'pg'
import type { Engine } from '../dialect.ts'
import { ANNOUNCE, listenForNews, newOrigin } from './announcements.ts'
import { postgresFragments } from './fragments.ts'
import { PostgresKyselyDriver } from './kysely-driver.ts'
import { windowOf } from './window.ts'

const INT8 = 20
/**
 * serialization_failure, deadlock_detected, and unique_violation: another server has written the same row first (both
 * migrate, or load one Dag file), and who looks again finds it.
 */
const VICTIM_CODES = new Set(['40001', '40P01', '23505'])

/** How connections are held. */
export interface PostgresOptions {
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
}

/** Connections that are cut, and say no more, are waited for no longer than this at the end. */
const CLOSE_MS = 5_000

/** Opens a PostgreSQL database. Connections are made on first use. */
export function openPostgresEngine(url: string, options: PostgresOptions): Engine {
  const location = withoutPassword(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections,
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.statementTimeoutMs,
    keepAlive: true,
    application_name: 'fairlead',
    types: { getTypeParser },
  })
  // A connection that breaks while idle is replaced by the pool; the next query reports a real outage.
  pool.on('error', () => undefined)
  // One that breaks in use, between two queries, fails the next query; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const origin = newOrigin()
  const driver = new PostgresKyselyDriver(pool, { location, origin })
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
  return {
    fragments: postgresFragments,
    windowOf,
    dialect,
    readDialect: dialect,
    announce: async (run) => void (await run(ANNOUNCE)),
    listen: (listener, signal) => listenForNews({ url, location, origin }, listener, signal),
    isVictim: (error) => error instanceof Error && 'code' in error && VICTIM_CODES.has(String(error.code)),
    isExclusive: false,
    location,
    close: () => Promise.race([pool.end(), sleep(CLOSE_MS, undefined, { ref: false })]),
  }
}

// Our 64-bit columns hold moments and counts, all well inside the integers that a JavaScript number holds exactly.
const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser

function withoutPassword(url: string): string {
  const parsed = new URL(url)
  parsed.password = ''
  return parsed.toString()
}
