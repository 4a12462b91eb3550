import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FairleadServer } from '../../testkit/fairlead-server.ts'

/** Refuses to load anything of the AWS SDK, or what would: a process that gets by does not load it. */
const REFUSE = `export async function resolve(name, context, next) {
  if (/aws-sdk|smithy|executor-aws/.test(name)) throw new Error('loaded: ' + name)
  return next(name, context)
}`
const inUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`
const REGISTER = inUrl(`import { register } from 'node:module'; register(${JSON.stringify(inUrl(REFUSE))})`)

const DAG = `import { Dag } from 'fairlead'
new Dag('plain', { isPausedUponCreation: false }).task('only', () => 'done')()
`

describe('the AWS SDK', () => {
  let server: FairleadServer | null = null
  afterEach(() => server?.dispose())

  it('is not loaded where none of its executors is configured', async () => {
    server = new FairleadServer({ 'plain.ts': DAG }, { NODE_OPTIONS: `--import=${REGISTER}` })
    await server.start()
    const runId = await server.trigger('plain')
    expect(await server.runEnd('plain', runId), server.log).toBe('success')
    expect(server.log).not.toContain('loaded: ')
  })

  it('is loaded where one is', async () => {
    server = new FairleadServer({ 'plain.ts': DAG }, { NODE_OPTIONS: `--import=${REGISTER}` })
    const executors = { ecs: { executor: 'EcsExecutor', settings: { cluster: 'c', taskDefinition: 't' } } }
    writeFileSync(join(server.folder, 'fairlead.config.ts'), `export default ${JSON.stringify({ executors })}\n`)
    const { exitCode, stderr } = await server.run('executors', 'check', 'ecs')
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('loaded: @fairlead/executor-aws/ecs')
  })
})
