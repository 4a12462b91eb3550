export { NO_LOG, openLog, type Log } from './log.ts'
export { METRICS, type MetricName } from './metric-names.ts'
export { openMetrics, type Metrics, type ServedMetrics } from './metrics.ts'
