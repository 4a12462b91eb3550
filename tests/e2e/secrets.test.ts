import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerFolder } from './server-folder.ts'

/** Variables and connections from the command line to a task's log, on a real server. */

const READS = `import { Dag, getClient } from 'fairlead'
const dag = new Dag('reads')
dag.task('reads', async () => {
  const client = getClient()
  const { host, password, extra } = (await client.getConnection('db'))!
  console.log('connecting to ' + host + ' with ' + password, extra)
  await client.variables.set('last_host', host)
  return [await client.getVariable('plan'), await client.variables.getJson('limits'), await client.getVariable('none')]
})()
`

const folder = new ServerFolder()
const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await folder.run(args)
  expect([exitCode, stderr]).toEqual([0, ''])
  return stdout
}

beforeAll(async () => {
  folder.write('dags/reads.ts', READS)
  await folder.start()
}, 60_000)
afterAll(() => folder.remove(), 60_000)

describe('variables and connections', () => {
  it('reach a task, and no secret reaches its log, the database or a listing', async () => {
    writeFileSync(join(folder.path, 'password.txt'), 'open s3same\n')
    await ok('variables', 'set', 'plan', 'simple', '--description', 'how')
    await ok('variables', 'set', 'limits', '{"rows": 3}')
    await ok(
      ...'connections add db --conn-type postgres --conn-host db.example --conn-login ada'.split(' '),
      ...'--conn-password-file password.txt --conn-extra {"api_key":"k3y-of-db"}'.split(' '),
    )
    const run = await folder.json<{ dag_run_id: string }>('dags', 'trigger', 'reads')
    await ok('runs', 'watch', 'reads', run.dag_run_id)
    const log = await ok('tasks', 'logs', 'reads', run.dag_run_id, 'reads')
    expect(log).toContain('connecting to db.example with ***')
    expect(await ok('variables', 'get', 'last_host')).toBe('db.example\n')
    const listed = (await ok('connections', 'list')) + (await ok('variables', 'list', '--output', 'json'))
    const database = readFileSync(join(folder.path, '.fairlead/fairlead.db'), 'latin1')
    for (const secret of ['open s3same', 'k3y-of-db']) {
      expect(log + listed).not.toContain(secret)
      expect(database).not.toContain(secret)
    }
    expect(await ok('connections', 'get', 'db', '--reveal')).toContain('open s3same')
  })

  it('go out to a private file and come back, also under a new key', async () => {
    await ok('variables', 'export', 'variables.json')
    await ok('connections', 'export', 'connections.json')
    expect(statSync(join(folder.path, 'connections.json')).mode & 0o777).toBe(0o600)
    expect((await folder.run(['variables', 'export', 'variables.json'])).stderr).toMatch(/exists already/)
    await ok('variables', 'delete', 'plan')
    await ok('connections', 'delete', 'db')
    expect(await ok('rotate-encryption-key')).toMatch(/key_id +[0-9a-f]{8}/)
    expect(await ok('variables', 'import', 'variables.json', '-a', 'skip')).toMatch(/imported +1\nskipped +2/)
    await ok('connections', 'import', 'connections.json')
    expect(await ok('variables', 'get', 'plan')).toBe('simple\n')
    expect(await ok('connections', 'get', 'db', '--reveal')).toContain('open s3same')
  })

  it.each([
    [['variables', 'get', 'none'], 3, /There is no variable "none"/],
    [['connections', 'get', 'none'], 3, /There is no connection "none"/],
    [['connections', 'delete', 'none'], 3, /There is no connection "none"/],
    [['connections', 'add', 'x'], 2, /exactly one of/],
    [['connections', 'add', 'x', '--conn-uri', 'no uri'], 2, /neither a JSON object nor/],
    [['connections', 'add', 'db', '--conn-uri', 'http://h'], 1, /already/],
    [['variables', 'import', 'absent.json'], 3, /cannot be read/],
    [['variables', 'import', 'password.txt'], 1, /must hold one JSON object/],
    [['variables', 'import', 'variables.json', '-a', 'fail'], 1, /exist already, so nothing was imported/],
  ])('%j ends with %i and says why', async (args, exitCode, message) => {
    const finished = await folder.run(args)
    expect([finished.exitCode, finished.stderr]).toEqual([exitCode, expect.stringMatching(message)])
    expect(finished.stderr).not.toContain('s3same')
  })

  it('answer a default for what is not there', async () => {
    expect(await ok('variables', 'get', 'none', '--default', 'nothing')).toBe('nothing\n')
    expect(existsSync(join(folder.path, '.fairlead/keys/encryption-keys'))).toBe(true)
  })
})
