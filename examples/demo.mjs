// Runs the demo Dag to completion on a server of its own, and says where its result is.
// Exit code 0 when the run succeeded, 1 when it did not.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = join(dirname(fileURLToPath(import.meta.url)), 'demo')
const fairlead = join(here, '../../packages/fairlead/bin/fairlead.mjs')
const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')
const results = join(here, 'results')
const env = {
  ...process.env,
  FAIRLEAD_HOME: join(here, '.fairlead'),
  FAIRLEAD__CORE__DAGS_FOLDER: join(here, 'dags'),
  FAIRLEAD__API__PORT: '0',
  FAIRLEAD__LOGGING__LEVEL: 'warn',
}

mkdirSync(results, { recursive: true })
const server = spawn(process.execPath, [fairlead, 'standalone'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
let complaints = ''
server.stderr.on('data', (chunk) => (complaints += chunk))
const stopped = new Promise((resolve) => server.once('close', resolve))
process.once('SIGINT', () => server.kill('SIGTERM'))

try {
  await announced(server)
  const conf = JSON.stringify({ data, results })
  const triggered = await command(['dags', 'trigger', 'seattle_flights', '--conf', conf, '--output', 'json'], 'pipe')
  const [run] = [JSON.parse(triggered.output)].flat()
  const watched = await command(['runs', 'watch', 'seattle_flights', run.dag_run_id], 'inherit')
  process.exitCode = watched.exitCode
  if (watched.exitCode === 0)
    console.log(`\nReport:   ${join(results, 'report.html')}\nDatabase: ${join(results, 'seattle-flights.db')}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  server.kill('SIGTERM')
  await stopped
  if (process.exitCode !== 0) console.error(complaints)
}

/** Resolves when the server has printed its address, and rejects when it ends before. */
async function announced(child) {
  let output = ''
  // Left open: a server whose output nobody reads any more should not hear of it.
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk
    if (/https?:\/\//.test(output)) {
      child.stdout.resume()
      return
    }
  }
  throw new Error(`The server ended before it was ready.\n${output}`)
}

/** Runs one fairlead command. */
async function command(args, stdout) {
  const child = spawn(process.execPath, [fairlead, ...args], { env, stdio: ['ignore', stdout, 'inherit'] })
  let output = ''
  child.stdout?.on('data', (chunk) => (output += chunk))
  const exitCode = await new Promise((resolve) => child.once('close', resolve))
  if (exitCode !== 0 && stdout === 'pipe')
    throw new Error(`fairlead ${args.join(' ')} failed with exit code ${exitCode}.`)
  return { exitCode, output }
}
