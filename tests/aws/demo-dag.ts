/** A Dag whose tasks run here, on ECS, in a job of Batch and in a function of Lambda, each with the value of the one before. */
export const DEMO_DAG = `import { Dag } from 'fairlead'

const where = () => process.env['FAIRLEAD_DEMO_PLACE'] ?? 'here'

const dag = new Dag('everywhere', { isPausedUponCreation: false })
const here = dag.task('here', () => ['here:' + where()])
const ecs = dag.task('ecs', ({ before }: { before: string[] }) => [...before, 'ecs:' + where()], {
  executor: 'ecs',
  executorConfig: { env: { FAIRLEAD_DEMO_PLACE: 'a container of ECS' } },
})
const batch = dag.task('batch', ({ before }: { before: string[] }) => [...before, 'batch:' + where()], {
  executor: 'batch',
  executorConfig: { env: { FAIRLEAD_DEMO_PLACE: 'a job of Batch' } },
})
const lambda = dag.task('lambda', ({ before }: { before: string[] }) => [...before, 'lambda'], { executor: 'lambda', executionTimeout: { minutes: 5 } })
const last = dag.task('last', ({ before }: { before: string[] }) => console.log('way: ' + before.join(', ')))

last({ before: lambda({ before: batch({ before: ecs({ before: here() }) }) }) })
`
