import { timeBox } from '../dispatch/time-box.ts'
import { openTraceSink } from '../observability/index.ts'
import { aborted, type Part } from './component.ts'
import type { Installation } from './installation.ts'
import { TraceExporter } from './trace-exporter.ts'

const SEND_TIMEOUT_MS = 5_000
const LAST_SENDING_MS = 2_000

/** Tells Dag runs as traces, beside a scheduler; nothing where traces are off. */
export function startTraces(installation: Installation, signal: AbortSignal): readonly Part[] {
  if (!installation.config.traces.otelOn) return []
  const exporter = openExporter(installation)
  const told = exporter.then((opened) => tellTraces(opened, installation, signal))
  return [
    {
      // A receiver that does not answer holds up no stop.
      finished: Promise.race([told, aborted(signal)]),
      close: async () => {
        await timeBox(installation.environment.clock, LAST_SENDING_MS, async (over) => {
          const opened = await exporter
          await told
          await opened.catchUp(over)
          await opened.release()
        })
      },
    },
  ]
}

async function openExporter({
  config,
  version,
  database,
  environment,
  log,
  metrics,
}: Installation): Promise<TraceExporter> {
  const { otelHost, otelPort, otelSslActive, otelService, otelHeaders } = config.traces
  const sink = await openTraceSink({
    url: `${otelSslActive ? 'https' : 'http'}://${otelHost}:${otelPort}/v1/traces`,
    headers: headersIn(otelHeaders),
    serviceName: otelService,
    version,
    timeoutMs: SEND_TIMEOUT_MS,
  })
  const { clock, random } = environment
  const holder = random.uuid(clock.now())
  return new TraceExporter({ database, clock, log, metrics, sink, holder, isAlone: database.isExclusive })
}

async function tellTraces(
  exporter: TraceExporter,
  { config, environment }: Installation,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await exporter.catchUp(signal)
    await environment.clock.sleep(config.traces.exportInterval * 1000, signal).catch(() => undefined)
  }
}

/** `name=value`, comma separated. */
function headersIn(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').filter((pair) => pair.includes('='))
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]),
  )
}
