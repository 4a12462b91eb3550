import { randomBytes } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { describeOnEngines, type TestEngine } from '../../../../../testkit/test-databases.ts'
import { openDatabase, type Database } from '../../db/database.ts'
import { migrate } from '../../db/migrate.ts'
import { systemEnvironment } from '../../processes/system-environment.ts'
import { openKeyring } from './keyring.ts'
import { SecretStore, type PlainConnection } from './secret-store.ts'
import { openVault } from './vault.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const ROUNDS = 30

/** Two stores under one key: each over a connection pool of its own, where the engine lets two in. */
async function openTwo(
  engine: TestEngine,
): Promise<{ stores: readonly [SecretStore, SecretStore]; database: Database }> {
  const { url, drop } = await engine.createDatabase()
  cleanups.push(drop)
  const open = (): Database => {
    const database = openDatabase({ url, pid: process.pid })
    cleanups.push(() => database.close())
    return database
  }
  const database = open()
  await migrate(database)
  const vault = openVault(openKeyring({ configured: randomBytes(32).toString('base64'), keysFolder: '' }))
  const store = (over: Database) => new SecretStore(over, vault, systemEnvironment().clock)
  return { stores: [store(database), store(engine.name === 'postgres' ? open() : database)], database }
}

const CONNECTION: PlainConnection = {
  connectionId: 'warehouse',
  connType: 'http',
  description: null,
  host: null,
  login: null,
  password: null,
  schema: null,
  port: null,
  extra: null,
}

describeOnEngines('two who write secrets at once', (engine) => {
  it('both change a variable, and neither undoes the other', async () => {
    const { stores, database } = await openTwo(engine)
    const [ada, bob] = stores
    await ada.writeVariable({ key: 'plan', value: 'v', description: 'd' }, 'create', 'ada')
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([
        ada.changeVariable('plan', (before) => ({ ...before, value: `v${round}` }), 'ada'),
        bob.changeVariable('plan', (before) => ({ ...before, description: `d${round}` }), 'bob'),
      ])
      expect(await ada.variable('plan')).toEqual({ key: 'plan', value: `v${round}`, description: `d${round}` })
    }
    const audit = database.read.selectFrom('audit_log').select('actor').where('event', '=', 'variable.set')
    expect((await audit.where('actor', '=', 'bob').execute()).length).toBe(ROUNDS)
  })

  it('both change a connection, and neither undoes the other', async () => {
    const [ada, bob] = (await openTwo(engine)).stores
    await ada.writeConnection(CONNECTION, 'create', 'ada')
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([
        ada.changeConnection('warehouse', (before) => ({ ...before, password: `p${round}` }), 'ada'),
        bob.changeConnection('warehouse', (before) => ({ ...before, host: `h${round}` }), 'bob'),
      ])
      expect(await bob.connection('warehouse')).toMatchObject({ password: `p${round}`, host: `h${round}` })
    }
  })

  it('create the same one, and only one of them has', async () => {
    const { stores, database } = await openTwo(engine)
    for (let round = 0; round < ROUNDS; round += 1) {
      const key = `key${round}`
      const created = await Promise.all(
        stores.map((store, index) =>
          store.writeVariable({ key, value: `${index}`, description: null }, 'create', 'ada'),
        ),
      )
      expect(created.filter(Boolean)).toHaveLength(1)
      expect((await stores[0].variable(key))?.value).toBe(`${created.indexOf(true)}`)
    }
    const noted = await database.read
      .selectFrom('audit_log')
      .select('seq')
      .where('event', '=', 'variable.set')
      .execute()
    expect(noted).toHaveLength(ROUNDS)
  })

  it('change a variable while everything is put under a new key, and the change stays', async () => {
    const [ada, bob] = (await openTwo(engine)).stores
    await ada.writeVariable({ key: 'plan', value: 'old', description: null }, 'create', 'ada')
    for (let round = 0; round < ROUNDS; round += 1) {
      const change = bob.changeVariable('plan', (before) => ({ ...before, value: `v${round}` }), 'bob')
      await Promise.all([ada.rotate('ada'), change])
      expect((await ada.variable('plan'))?.value).toBe(`v${round}`)
    }
  })

  it('find nothing to change where there is nothing', async () => {
    const [ada] = (await openTwo(engine)).stores
    expect(await ada.changeVariable('none', (before) => before, 'ada')).toBeNull()
    expect(await ada.variable('none')).toBeNull()
  })
})
