import { describe, expect, it } from 'vitest'
import { openLog, openMetrics, METRICS, type MetricName } from './index.ts'

describe('log', () => {
  const capture = (format: 'json' | 'pretty') => {
    const lines: string[] = []
    return { lines, log: openLog({ level: 'info', format, write: (line) => void lines.push(line) }) }
  }

  it('writes one JSON object a line with the fields of its parents', () => {
    const { lines, log } = capture('json')
    log.child({ dagId: 'sales' }).info('workload ended', { exit: { kind: 'exited' } })
    log.debug('not shown')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        level: 'info',
        timestamp: expect.any(String) as string,
        event: 'workload ended',
        dagId: 'sales',
        exit: { kind: 'exited' },
      },
    ])
  })

  it('never writes a token or a connection string', () => {
    const { lines, log } = capture('json')
    log.info('queued', {
      token: 'ey.secret',
      workload: { token: 'ey.secret', password: 'ey.secret' },
      url: 'postgres://a:ey.secret@b',
    })
    expect(lines.join('')).not.toContain('ey.secret')
  })

  it('shows errors with their code, cause and stack', () => {
    const { lines, log } = capture('json')
    log.error('scheduler died', { error: Object.assign(new Error('no', { cause: new Error('why') }), { code: 'X' }) })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ error: { code: 'X', message: 'no', cause: { message: 'why' } } })
  })

  it('writes lines for people on demand', () => {
    const { lines, log } = capture('pretty')
    log.warn('executor is unhealthy', { executor: 'local', reason: 'no answer' })
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}executor is unhealthy executor=local reason="no answer"\n$/,
    )
  })
})

describe('metrics', () => {
  it("carry Airflow's names with underscores and their tags", async () => {
    const metrics = openMetrics('airflow')
    metrics.increment('ti.finish', { dag_id: 'sales', state: 'success' }, 2)
    metrics.gauge('executor.open_slots', 31, { executor: 'LocalExecutor' })
    metrics.timing('scheduler.scheduler_loop_duration', 7)
    const text = await metrics.text()
    expect(text).toContain('airflow_ti_finish{dag_id="sales",state="success"} 2')
    expect(text).toContain('airflow_executor_open_slots{executor="LocalExecutor"} 31')
    expect(text).toContain('airflow_scheduler_scheduler_loop_duration_bucket{le="10"} 1')
  })

  it('leave out a tag that the metric does not take', async () => {
    const metrics = openMetrics('airflow')
    metrics.increment('ti.start', { dag_id: 'sales', task_id: 'x' })
    expect(await metrics.text()).toContain('airflow_ti_start{dag_id="sales"} 1')
  })

  it('have a sentence each', () => {
    for (const name of Object.keys(METRICS) as MetricName[]) expect(METRICS[name].about).not.toBe('')
  })
})
