import { writeFile } from 'node:fs/promises'

/** Flights on days of one kind of weather. */
export interface DayKind {
  kind: string
  flights: number
  averageDelay: number
  lateShare: number
}

/** Writes a page with the chart and the table behind it. */
export async function renderReport(path: string, kinds: readonly DayKind[]): Promise<void> {
  const rows = kinds.map(
    ({ kind, flights, averageDelay, lateShare }) =>
      `<tr><td>${kind}<td>${flights}<td>${averageDelay.toFixed(1)} min<td>${(lateShare * 100).toFixed(0)} %</tr>`,
  )
  await writeFile(
    path,
    `<!doctype html><meta charset="utf-8"><title>Seattle flights</title>
<style>body{font:16px system-ui;margin:3rem auto;max-width:40rem}td,th{padding:.3rem 1rem;text-align:left}</style>
<h1>Does weather delay flights at Seattle?</h1>
${chart(kinds)}
<table><tr><th>days<th>flights<th>average delay<th>late</tr>${rows.join('')}</table>
<p>Delays of January to March 2001 by the typical rain of each calendar day (2012 to 2015).</p>
`,
  )
}

const WIDTH = 600
const BAR = 36

function chart(kinds: readonly DayKind[]): string {
  const longest = Math.max(...kinds.map((kind) => kind.averageDelay), 1)
  const bars = kinds.map(({ kind, averageDelay }, index) => {
    const width = (Math.max(averageDelay, 0) / longest) * (WIDTH - 160)
    const y = index * (BAR + 12)
    return (
      `<text x="0" y="${y + BAR / 2 + 5}">${kind}</text>` +
      `<rect x="80" y="${y}" width="${width.toFixed(0)}" height="${BAR}" fill="#3b7ea1"/>` +
      `<text x="${(90 + width).toFixed(0)}" y="${y + BAR / 2 + 5}">${averageDelay.toFixed(1)} min</text>`
    )
  })
  return `<svg viewBox="0 0 ${WIDTH} ${kinds.length * (BAR + 12)}" role="img" aria-label="Average delay">${bars.join('')}</svg>`
}
