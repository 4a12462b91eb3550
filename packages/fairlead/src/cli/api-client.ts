import { CliError, EXIT_CODES } from './cli-error.ts'
import { loadConfiguration } from '../load-configuration.ts'
import type { Terminal } from './terminal.ts'

/** A client of the REST API. */
export interface ApiClient {
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PATCH' | 'PUT', path: string, body: unknown): Promise<T>
  /** Deletes what is at a path. */
  delete(path: string): Promise<void>
  /** Every row of a list, page by page. */
  list<T>(path: string, key: string): Promise<T[]>
  /** Lines of an answer as they come. */
  lines(path: string): AsyncIterable<string>
}

/** Options of every command that calls the server. */
export interface ConnectOptions {
  readonly apiUrl?: string
}

const PAGE = 500

/** Finds the server: at the address given, or the one that runs in this home folder. */
export async function connect(terminal: Terminal, options: ConnectOptions): Promise<ApiClient> {
  const url = options.apiUrl ?? terminal.env['FAIRLEAD_API_URL']
  const target = url === undefined ? await localServer(terminal) : remoteServer(terminal, url)
  const call = (method: string, path: string, body?: unknown, headers = {}) =>
    request(target, { method, path, body, headers }, terminal.signal)
  const json = async <T>(method: string, path: string, body?: unknown) =>
    (await (await call(method, path, body)).json()) as T
  return {
    get: (path) => json('GET', path),
    send: (method, path, body) => json(method, path, body),
    delete: async (path) => void (await call('DELETE', path)),
    list: <T>(path: string, key: string) => listAll<T>((page) => json('GET', page), path, key),
    lines: (path) => linesOf(() => call('GET', path, undefined, { accept: 'application/x-ndjson' })),
  }
}

interface Target {
  readonly url: string
  readonly token: string
}

async function localServer(terminal: Terminal): Promise<Target> {
  const { openRestTokens, readApiSecret, readServerFile } = await import('@fairlead/core/client')
  const config = await loadConfiguration(terminal)
  const server = await readServerFile(config.paths.home)
  const secret = server === null ? null : ownSecret(config.apiAuth.jwtSecret, () => readApiSecret(config.paths.keys))
  if (server === null || secret === null || !isAlive(server.pid)) {
    throw new CliError(
      EXIT_CODES.serverUnreachable,
      `No server runs on the home folder "${config.paths.home}". Start one with \`fairlead standalone\` or \`fairlead api-server\`, or name one with --api-url.`,
    )
  }
  const tokens = openRestTokens(secret, { now: () => Date.now() }, config.apiAuth.jwtLeeway)
  const username = terminal.env['USER'] ?? terminal.env['LOGNAME'] ?? 'local'
  return { url: server.url, token: await tokens.create({ username, role: 'admin', client: 'cli' }, TOKEN_SECONDS) }
}

function ownSecret(configured: string | null, read: () => Uint8Array | null): Uint8Array | null {
  return configured === null ? read() : new TextEncoder().encode(configured)
}

// As long as a watched run may take.
const TOKEN_SECONDS = 86_400

function remoteServer({ env }: Terminal, url: string): Target {
  const token = env['FAIRLEAD_API_TOKEN']
  if (token === undefined || token === '') {
    throw new CliError(
      EXIT_CODES.usage,
      'A remote server needs a token. Get one from POST /auth/token, and set FAIRLEAD_API_TOKEN to it.',
    )
  }
  return { url: url.replace(/\/+$/, ''), token }
}

/** A server of another user answers with an error, and is alive too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

interface Call {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly headers: Record<string, string>
}

async function request(target: Target, { method, path, body, headers }: Call, signal: AbortSignal): Promise<Response> {
  const response = await fetch(`${target.url}${path}`, {
    method,
    signal,
    headers: {
      authorization: `Bearer ${target.token}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    if (signal.aborted) throw cause
    throw new CliError(
      EXIT_CODES.serverUnreachable,
      `The server at ${target.url} does not answer. Is it running? Start one with \`fairlead standalone\`.`,
      { cause },
    )
  })
  if (response.ok) return response
  throw await errorOf(response)
}

async function errorOf(response: Response): Promise<CliError> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: unknown; remedy?: unknown }
  const detail = typeof problem.detail === 'string' ? problem.detail : `The server answered ${response.status}.`
  const remedy = typeof problem.remedy === 'string' && !problem.remedy.startsWith('GET ') ? ` ${problem.remedy}` : ''
  const code = response.status === 404 ? EXIT_CODES.notFound : EXIT_CODES.failure
  return new CliError(code, `${detail}${remedy}`)
}

async function listAll<T>(
  get: (path: string) => Promise<Record<string, unknown>>,
  path: string,
  key: string,
): Promise<T[]> {
  const rows: T[] = []
  for (;;) {
    const separator = path.includes('?') ? '&' : '?'
    const page = await get(`${path}${separator}limit=${PAGE}&offset=${rows.length}`)
    const found = page[key] as T[]
    rows.push(...found)
    if (found.length === 0 || rows.length >= Number(page['total_entries'])) return rows
  }
}

async function* linesOf(call: () => Promise<Response>): AsyncGenerator<string> {
  const { body } = await call()
  if (body === null) return
  let rest = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
