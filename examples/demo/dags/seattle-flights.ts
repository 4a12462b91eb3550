import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Dag, getContext } from 'fairlead'
import { parseCsv } from './lib/csv.ts'
import { groupBy } from './lib/group-by.ts'
import { average, sum } from './lib/numbers.ts'
import { renderReport, type DayKind } from './lib/report.ts'
import { saveDayKinds } from './lib/save-day-kinds.ts'

/** Does weather delay flights at Seattle? Typical weather of each calendar day beside the delays of that day. */

interface Weather {
  day: string
  precipitation: number
  wind: number
}

interface Flight {
  day: string
  delay: number
}

interface FlightInWeather extends Flight {
  precipitation: number
  wind: number
}

const dag = new Dag('seattle_flights', {
  description: 'Flight delays at Seattle by the typical weather of the day',
  tags: ['demo'],
  isPausedUponCreation: false,
  defaultArgs: { retries: 1, retryDelay: { seconds: 1 } },
})

const dataFile = (name: string): string => join(folderOf('data'), name)
const resultFile = (name: string): string => join(folderOf('results'), name)

/** A folder that the run was triggered with. */
function folderOf(name: string): string {
  const folder = getContext().conf[name]
  if (typeof folder === 'string') return folder
  throw new Error(`Trigger with the folder "${name}" in conf.`)
}

const extractWeather = dag.task('extract_weather', async (): Promise<Weather[]> => {
  const rows = parseCsv(await readFile(dataFile('seattle-weather.csv'), 'utf8'))
  const byDay = groupBy(rows, (row) => String(row['date']).slice(5))
  console.log(`${rows.length} days of weather make ${byDay.size} calendar days`)
  return [...byDay].map(([day, years]) => ({
    day,
    precipitation: average(years.map((row) => Number(row['precipitation']))),
    wind: average(years.map((row) => Number(row['wind']))),
  }))
})

const extractFlights = dag.task('extract_flights', async (): Promise<Flight[]> => {
  const text = await readFile(dataFile('flights-20k.json'), 'utf8')
  const flights = JSON.parse(text) as Array<{ date: string; delay: number; origin: string; destination: string }>
  const seattle = flights.filter(({ origin, destination }) => origin === 'SEA' || destination === 'SEA')
  console.log(`${seattle.length} of ${flights.length} flights touch Seattle`)
  return seattle.map(({ date, delay }) => ({ day: date.slice(5, 10).replace('/', '-'), delay }))
})

const validate = dag.task('validate', ({ weather, flights }: { weather: Weather[]; flights: Flight[] }) => {
  if (weather.length < 365) throw new Error(`Weather covers ${weather.length} calendar days, expected a whole year.`)
  const strange = flights.filter(({ delay }) => !Number.isFinite(delay) || Math.abs(delay) > 24 * 60)
  if (strange.length > 0) throw new Error(`${strange.length} flights have an impossible delay.`)
  return { days: weather.length, flights: flights.length }
})

const joinByDay = dag.task('join', ({ weather, flights }: { weather: Weather[]; flights: Flight[] }) => {
  const weatherOf = new Map(weather.map((day) => [day.day, day]))
  return flights.flatMap(({ day, delay }): FlightInWeather[] => {
    const found = weatherOf.get(day)
    return found === undefined ? [] : [{ day, delay, precipitation: found.precipitation, wind: found.wind }]
  })
})

const aggregate = dag.task('aggregate', ({ rows }: { rows: FlightInWeather[] }): DayKind[] => {
  const kindOf = ({ precipitation }: FlightInWeather): string =>
    precipitation < 2 ? 'dry' : precipitation < 5 ? 'showers' : 'wet'
  return [...groupBy(rows, kindOf)].map(([kind, flights]) => ({
    kind,
    flights: flights.length,
    averageDelay: average(flights.map((flight) => flight.delay)),
    lateShare: sum(flights.map((flight) => (flight.delay > 15 ? 1 : 0))) / flights.length,
  }))
})

const writeDatabase = dag.task('write_database', ({ kinds }: { kinds: DayKind[] }) => {
  const path = resultFile('seattle-flights.db')
  saveDayKinds(path, kinds)
  return path
})

const writeReport = dag.task('write_report', async ({ kinds }: { kinds: DayKind[] }) => {
  const path = resultFile('report.html')
  await renderReport(path, kinds)
  return path
})

const checkResults = dag.shell('check_results', 'test -s "$(echo $FAIRLEAD_INPUT_REPORT | tr -d \'"\')" && echo ok')

const weather = extractWeather()
const flights = extractFlights()
const checked = validate({ weather, flights })
const joined = joinByDay({ weather, flights }).after(checked)
const kinds = aggregate({ rows: joined })
writeDatabase({ kinds })
checkResults({ report: writeReport({ kinds }) })
