export { openHealthBoard, type HealthBoard } from './health.ts'
export { NO_LOG, openLog, type Log, type LogOptions } from './log.ts'
export { METRICS, type MetricName } from './metric-names.ts'
export { NO_METRICS, openMetrics, type Metrics, type MetricTags, type ServedMetrics } from './metrics.ts'
