import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { prometheusName } from './reference.ts'
import { METRICS, type MetricName, type MetricNameOf } from './metric-names.ts'

/** Labels of one observation; each metric names the ones it takes. */
export type MetricTags = Readonly<Record<string, string>>

/** What the parts of the server count and time with. */
export interface Metrics {
  increment(name: MetricNameOf<'counter'>, tags?: MetricTags, by?: number): void
  gauge(name: MetricNameOf<'gauge'>, value: number, tags?: MetricTags): void
  timing(name: MetricNameOf<'timing'>, ms: number, tags?: MetricTags): void
}

/** Metrics that can be read in Prometheus' text format. */
export interface ServedMetrics extends Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** Metrics that are dropped. */
export const NO_METRICS: Metrics = { increment: () => undefined, gauge: () => undefined, timing: () => undefined }

/** Opens the metrics of a process. Every metric exists from the start, so that a scrape shows zeros. */
export function openMetrics(prefix: string): ServedMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counters = new Map<MetricName, Counter>()
  const gauges = new Map<MetricName, Gauge>()
  const timings = new Map<MetricName, Histogram>()
  for (const [name, { kind, about, tags }] of entries()) {
    const options = {
      name: prometheusName(prefix, name),
      help: about,
      labelNames: [...tags],
      registers: [registry],
    }
    if (kind === 'counter') counters.set(name, new Counter(options))
    else if (kind === 'gauge') gauges.set(name, new Gauge(options))
    else timings.set(name, new Histogram({ ...options, help: `${about}, in milliseconds`, buckets: BUCKETS_MS }))
  }
  return {
    increment: (name, tags = {}, by = 1) => counters.get(name)?.inc(known(name, tags), by),
    gauge: (name, value, tags = {}) => gauges.get(name)?.set(known(name, tags), value),
    timing: (name, ms, tags = {}) => timings.get(name)?.observe(known(name, tags), ms),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

const BUCKETS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000, 600_000, 3_600_000]

function entries(): ReadonlyArray<[MetricName, (typeof METRICS)[MetricName]]> {
  return Object.entries(METRICS) as Array<[MetricName, (typeof METRICS)[MetricName]]>
}

/** A label too many would throw inside the scheduler; it is left out instead. */
function known(name: MetricName, tags: MetricTags): Record<string, string> {
  const allowed: readonly string[] = METRICS[name].tags
  return Object.fromEntries(Object.entries(tags).filter(([tag]) => allowed.includes(tag)))
}
