/** Every metric, with Airflow's name where Airflow has one. Prometheus sees dots as underscores. */

interface MetricFacts {
  readonly kind: 'counter' | 'gauge' | 'timing'
  readonly about: string
  readonly tags: readonly string[]
}

/** Facts of every metric. Timings are in milliseconds. */
export const METRICS = {
  scheduler_heartbeat: { kind: 'counter', about: 'Heartbeats of the scheduler', tags: [] },
  'scheduler.scheduler_loop_duration': { kind: 'timing', about: 'One turn of the scheduler loop', tags: [] },
  'scheduler.tasks.stuck_in_queued': {
    kind: 'counter',
    about: 'Task instances that were queued for too long',
    tags: ['executor'],
  },
  'scheduler.orphaned_tasks.cleared': {
    kind: 'counter',
    about: 'Task instances of a lost scheduler that were queued anew',
    tags: ['executor'],
  },
  'scheduler.orphaned_tasks.adopted': {
    kind: 'counter',
    about: 'Task instances of a lost scheduler that were taken over',
    tags: ['executor'],
  },
  'scheduler.quarantined': { kind: 'counter', about: 'Rows that a sweep could not handle', tags: [] },
  task_instances_without_heartbeats_killed: {
    kind: 'counter',
    about: 'Running task instances that fell silent',
    tags: ['dag_id'],
  },
  'executor.open_slots': {
    kind: 'gauge',
    about: 'How many more workloads an executor would be given',
    tags: ['executor'],
  },
  'executor.queued_tasks': {
    kind: 'gauge',
    about: 'Task instances that an executor was handed and has not begun',
    tags: ['executor'],
  },
  'executor.running_tasks': { kind: 'gauge', about: 'Task instances that run on an executor', tags: ['executor'] },
  'executor.waiting_tasks': {
    kind: 'gauge',
    about: 'Task instances that are scheduled and wait for an executor',
    tags: ['executor'],
  },
  'executor.state': {
    kind: 'gauge',
    about: '1 for the state that an executor is in, 0 for the others',
    tags: ['executor', 'state'],
  },
  'executor.calls': { kind: 'counter', about: 'Calls into an executor', tags: ['executor', 'method'] },
  'executor.call_failures': {
    kind: 'counter',
    about: 'Calls into an executor that threw, or whose outcome is unknown',
    tags: ['executor', 'method', 'how'],
  },
  'executor.loop_blocked': {
    kind: 'timing',
    about: 'Time for which an executor let nothing else go on',
    tags: ['executor', 'method'],
  },
  'executor.adopt_task_instances.duration': {
    kind: 'timing',
    about: 'Taking over the work of schedulers that are gone',
    tags: ['executor'],
  },
  'executor.launch_duration': { kind: 'timing', about: 'From queued to running', tags: ['executor'] },
  'executor.failures': {
    kind: 'counter',
    about: 'Tries that ended badly, or never began',
    tags: ['executor', 'cause'],
  },
  'executor.slot_drift': {
    kind: 'counter',
    about: 'Workloads that an executor held without a lease, or the other way round',
    tags: ['executor'],
  },
  'executor.events': { kind: 'counter', about: 'Events that executors reported', tags: ['executor', 'kind'] },
  'executor.events_dropped': { kind: 'counter', about: 'Events that came late or twice', tags: ['executor'] },
  'executor.stops': {
    kind: 'counter',
    about: 'Processes that were to be stopped, by whether they were confirmed gone',
    tags: ['executor', 'outcome'],
  },
  'ti.start': { kind: 'counter', about: 'Task instances that began to run', tags: ['dag_id'] },
  'ti.finish': { kind: 'counter', about: 'Task instances that settled', tags: ['dag_id', 'state'] },
  'task.scheduled_duration': { kind: 'timing', about: 'From scheduled to queued', tags: ['dag_id'] },
  'task.queued_duration': { kind: 'timing', about: 'From queued to running', tags: ['dag_id'] },
  'task.duration': { kind: 'timing', about: 'From running to settled', tags: ['dag_id'] },
  'dagrun.duration.success': { kind: 'timing', about: 'Duration of a Dag run that succeeded', tags: ['dag_id'] },
  'dagrun.duration.failed': { kind: 'timing', about: 'Duration of a Dag run that failed', tags: ['dag_id'] },
  dagbag_size: { kind: 'gauge', about: 'Dags that are active', tags: [] },
  'dag_processing.import_errors': { kind: 'gauge', about: 'Dag files that do not load', tags: [] },
  'execution_api.requests': { kind: 'counter', about: 'Calls of workers', tags: ['route', 'status'] },
  'execution_api.settle_batch': { kind: 'gauge', about: 'Outcomes in the last commit', tags: [] },
  'api.requests': { kind: 'counter', about: 'Calls of the REST API', tags: ['status'] },
  'traces.exported_spans': { kind: 'counter', about: 'Spans that the trace receiver took', tags: [] },
  'traces.export_failures': { kind: 'counter', about: 'Requests that the trace receiver did not take', tags: [] },
} as const satisfies Record<string, MetricFacts>

/** Name of a metric. */
export type MetricName = keyof typeof METRICS

/** Names of one kind of metric. */
export type MetricNameOf<K extends MetricFacts['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never
}[MetricName]
