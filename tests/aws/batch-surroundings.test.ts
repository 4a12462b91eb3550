import { BatchExecutor } from '@fairlead/executor-aws/batch'
import { describe, expect, it, vi } from 'vitest'
import type { PolicyDocument } from '../../testkit/aws/iam/policy.ts'
import { BatchStage, DEFINITION, one, QUEUE, revoked } from '../../testkit/batch-stage.ts'
import { eventually } from '../../testkit/eventually.ts'
import type { ExecutorBench } from '../../testkit/executor-bench.ts'
import { docBlocks } from '../docs/doc-blocks.ts'

const stage = new BatchStage()
const SIGNAL = new AbortController().signal

describe('the policy of the guide', () => {
  const [block] = docBlocks(process.cwd(), 'docs/guide/executor-batch.md').filter(({ mark }) => mark === 'policy')
  const policyFor = (region: string): PolicyDocument =>
    JSON.parse(
      (block?.text ?? '')
        .replaceAll('REGION', region)
        .replaceAll('ACCOUNT', '123456789012')
        .replaceAll('QUEUE', QUEUE)
        .replaceAll('DEFINITION', DEFINITION),
    ) as PolicyDocument

  it('allows everything that the executor does, and nothing that it does not', async () => {
    const { double } = stage
    const credentials = double.iam.createUser({ name: 'scheduler', policy: policyFor(double.region) })
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
    const stand = stage.bench('echo hello; exec sleep 600', { tags: { team: 'sales' } })
    await stand.executor.start(SIGNAL)
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    const log = await stand.executor.getTaskLog(
      { ...workload.taskInstance, externalId: stand.externalIdOf(workload) },
      1,
    )
    for await (const text of log ?? []) {
      expect(text).toBe('hello\n')
      break
    }
    stand.replace()
    await stand.adopt(workload)
    await revoked(stand, workload)
    expect(double.iam.denied).toEqual([])
    expect(double.iam.unusedBy(credentials.accessKeyId)).toEqual([])
  })

  it('does not allow it in another queue, and the health check says so', async () => {
    const { double } = stage
    const credentials = double.iam.createUser({ name: 'stranger', policy: policyFor(double.region) })
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
    double.batch.defineQueue({ name: 'theirs' })
    const stand = stage.bench('exit 0', { jobQueue: 'theirs' })
    await expect(stand.executor.start(SIGNAL)).rejects.toThrow('The permission batch:SubmitJob is missing')
  })
})

describe('logs of jobs', () => {
  it('are streamed from CloudWatch while the job runs, and to its last line', async () => {
    const stand = stage.bench('echo one; sleep 0.2; echo two')
    const workload = await one(stand)
    await stand.until(() => stage.double.batch.jobs()[0]?.attempts.length === 1)
    const reader = stage.bench('exit 0')
    const ref = { ...workload.taskInstance, externalId: stand.externalIdOf(workload) }
    const log = await reader.executor.getTaskLog(ref, 1)
    expect(await whileTimePasses(reader, textOf(log))).toBe('one\ntwo\n')
  })

  it('are not there for a job that has no container yet', async () => {
    stage.double.batch.hold('RUNNABLE')
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    const ref = { ...workload.taskInstance, externalId: stand.externalIdOf(workload) }
    expect(await stand.executor.getTaskLog(ref, 1)).toBeNull()
  })
})

describe('commands and views', () => {
  const [group] = BatchExecutor.getCliCommands()
  const run = async (
    stand: ExecutorBench,
    name: string,
    given: readonly string[] = [],
    options: Record<string, string | boolean> = {},
  ) => {
    const texts: string[] = []
    const say = (text: string): void => void texts.push(text)
    const command = group?.commands.find((each) => each.name === name)
    const call = { executor: stand.executor, arguments: given, options, out: say, err: say, signal: SIGNAL }
    return { exitCode: await command?.run(call), text: texts.join('') }
  }

  it('check says what is well and what is not', async () => {
    expect(await run(stage.bench('exit 0'), 'check')).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('ok      permission batch:SubmitJob'),
    })
    expect(await run(stage.bench('exit 0', { jobQueue: 'nowhere' }), 'check')).toMatchObject({
      exitCode: 1,
      text: expect.stringContaining('PROBLEM There is no job queue "nowhere"'),
    })
  })

  it('list-jobs lists what this instance runs, and nobody else does; stop stops it', async () => {
    const stand = stage.bench('exec sleep 600')
    const workload = await one(stand)
    const jobId = stand.externalIdOf(workload) ?? ''
    const { jobQueue, jobDefinition } = stage.inputOf(workload)
    const [queue, definition] = [
      stage.double.batch.findQueue(jobQueue),
      stage.double.batch.findDefinition(jobDefinition),
    ]
    if (queue === null || definition === null) throw new Error('The stage has neither.')
    const input = { jobName: 'fairlead-bench-not-ours', jobQueue, jobDefinition }
    const foreign = stage.double.batch.launch({ queue, definition, input, dependencies: [] })
    const { text } = await run(stand, 'list-jobs')
    expect(text).toContain(jobId)
    expect(text).not.toContain(foreign.facts.id)
    expect(await run(stand, 'stop', [foreign.facts.id])).toMatchObject({ exitCode: 1 })
    const stopped = run(stand, 'stop', [jobId], { reason: 'low tide' })
    expect(await whileTimePasses(stand, stopped)).toMatchObject({ exitCode: 0 })
    expect(stage.double.batch.findJob(jobId)?.statusReason).toContain('low tide')
    expect((await run(stand, 'list-jobs')).text).toBe('There are none.\n')
    expect((await run(stand, 'list-jobs', [], { all: true })).text).toContain('FAILED')
  })

  it('the view of a task shows its job, and no value of its environment', async () => {
    const stand = stage.bench('exit 5', { env: { PASSWORD: 'hush' }, vcpus: 2 })
    const workload = await one(stand, { token: 'the-launch-ticket' })
    await stand.endOf(workload)
    const [view] = BatchExecutor.getUiViews()
    if (view?.kind !== 'taskInstance') throw new Error('There is no view of a task instance.')
    const taskInstance = { ...workload.taskInstance, externalId: stand.externalIdOf(workload) }
    const data = await view.data({ executor: stand.executor, taskInstance, signal: SIGNAL })
    expect(data).toMatchObject({
      jobId: taskInstance.externalId,
      status: 'FAILED',
      exitCode: 5,
      link: expect.stringContaining('/batch/home?region='),
      request: { command: ['exit 5'], resources: ['VCPU 2'], environment: expect.arrayContaining(['PASSWORD']) },
    })
    expect(JSON.stringify(data)).not.toMatch(/hush|the-launch-ticket/)
  })
})

/** Lets the bench's clock go on until something is over. */
async function whileTimePasses<T>(stand: ExecutorBench, awaited: Promise<T>): Promise<T> {
  let isOver = false
  const noted = awaited.finally(() => (isOver = true))
  await Promise.all([noted, eventually(() => (stand.clock.advance(500), isOver))])
  return await noted
}

/** The text of a log, or its first line alone. */
async function textOf(log: AsyncIterable<string> | null, isFirstAlone = false): Promise<string> {
  let text = ''
  for await (const line of log ?? []) {
    text += line
    if (isFirstAlone) break
  }
  return text
}
