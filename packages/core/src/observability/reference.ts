import { METRICS, type MetricName } from './metric-names.ts'

/** The reference page of every metric, as Markdown. */
export function metricsReference(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, about, tags }]) => {
    const unit = kind === 'timing' ? ', in milliseconds' : ''
    return `| \`${prometheusName('airflow', name as MetricName)}\` | ${kind === 'timing' ? 'histogram' : kind} | ${tags.map((tag) => `\`${tag}\``).join(', ')} | ${about}${unit} |`
  })
  return `${HEADER}\n${rows.join('\n')}\n`
}

/** A metric's name as Prometheus sees it. */
export function prometheusName(prefix: string, name: MetricName): string {
  return `${prefix}_${name.replaceAll('.', '_')}`
}

const HEADER = `# Metrics

<!-- Generated from packages/core/src/observability/metric-names.ts by: npx vitest run packages/core/src/observability --update. Do not edit. -->

The server serves its metrics at \`/metrics\` in Prometheus' text format, with the token that every route asks for unless
\`metrics.requires_token\` is off. Names are Airflow's where Airflow has the metric; \`metrics.prefix\` is their first word.
Airflow appends the executor's class to a name (\`executor.open_slots.<Class>\`) once several are configured. Here the
tag \`executor\` carries the instance's name instead, always: two instances of one class keep apart, and no name changes
because another executor was configured. Gauges of executors come from the leases in the database, and are the same
whichever server is asked.

Metrics of the process itself (\`process_…\`, \`nodejs_…\`) are those of prom-client.

| name | kind | tags | what it counts |
| --- | --- | --- | --- |`
