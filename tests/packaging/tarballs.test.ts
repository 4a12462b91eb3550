import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReader } from '../../testkit/reader.ts'
import { createConsumer, type Consumer } from './consumer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const GOOD = `
import { Dag } from 'fairlead'
const dag = new Dag('packed')
const number = dag.task('number', () => 41)
const next = dag.task('next', ({ value }: { value: number }) => value + 1)
next({ value: number() })
`

const BAD = GOOD.replace('=> 41', `=> 'forty-one'`)

interface Manifest {
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
}

const filesOf = (target: string | Readonly<Record<string, string>>): readonly string[] =>
  typeof target === 'string' ? [target] : Object.values(target)

describe('the packed packages, installed together in an empty folder', () => {
  let consumer: Consumer

  beforeAll(async () => {
    consumer = await createConsumer(root)
  }, 300_000)
  afterAll(() => consumer.remove())

  it('are all there, with their licence, and without sources or notes of the compiler', () => {
    const packages = join(consumer.folder, 'node_modules/@fairlead')
    const ours = readdirSync(join(root, 'packages')).filter((name) => name !== 'fairlead')
    expect(readdirSync(packages).toSorted()).toEqual(ours.toSorted())
    for (const name of ours) {
      const files = readdirSync(join(packages, name), { recursive: true, encoding: 'utf8' })
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'NOTICE']))
      expect(files.filter((file) => file.startsWith('dist') && file.endsWith('index.d.ts'))).not.toEqual([])
      expect(files.filter((file) => /\.tsbuildinfo$|\.test\.|^src/.test(file))).toEqual([])
    }
  })

  it('name only files that they have, whatever conditions a process sets', () => {
    for (const name of ['fairlead', ...readdirSync(join(root, 'packages')).map((folder) => `@fairlead/${folder}`)]) {
      const folder = join(consumer.folder, 'node_modules', name)
      if (!existsSync(folder)) continue
      const { exports = {}, bin = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
      const targets = [exports, bin].flatMap((part) => Object.values(part)).flatMap(filesOf)
      expect(targets).not.toEqual([])
      expect(targets.filter((file) => !existsSync(join(folder, file)))).toEqual([])
    }
  })

  it('have what the image of a worker is made of, and its command', async () => {
    const folder = join(consumer.folder, 'node_modules/@fairlead/task-runner')
    const copies = readFileSync(join(folder, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)
    const copied = [...copies].flatMap(([, files = '']) => files.split(' '))
    expect(copied).toEqual(expect.arrayContaining(['dist/worker.cjs', 'dist/child.cjs']))
    expect(copied.filter((file) => !existsSync(join(folder, file)))).toEqual([])
    const reader = createReader(consumer.folder)
    const { exitCode, output } = await reader.runs('npx fairlead-worker')
    await reader.leaves()
    expect(exitCode).toBe(64)
    expect(output).toContain('FAIRLEAD__WORKER__API_URL is missing')
  })

  it('type-check a Dag file', async () => {
    consumer.write('good.ts', GOOD)
    expect(await consumer.typecheck('good.ts')).toBe('')
  })

  it('refuse a Dag whose wiring does not fit', async () => {
    consumer.write('bad.ts', BAD)
    expect(await consumer.typecheck('bad.ts')).toMatch(/bad\.ts.*TS2322/)
  })

  it('run a Dag', async () => {
    const reader = createReader(consumer.folder)
    try {
      reader.writes('dags/packed.ts', GOOD)
      await reader.starts('npx fairlead standalone')
      const { exitCode, output } = await reader.runs(`
        npx fairlead dags trigger packed --run-id first
        npx fairlead runs watch packed first
        npx fairlead tasks states-for-dag-run packed first --output json`)
      expect(exitCode, output).toBe(0)
      expect(output.match(/"state": ?"success"/g), output).toHaveLength(2)
    } finally {
      await reader.leaves()
    }
  })
})
