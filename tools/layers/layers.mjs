// The layers, as data, and the dependency-cruiser rules that follow from them. Order is docs/adr's and binds.

/** Which packages a package may import. A package that is not named here may be imported by the composition root alone. */
const PACKAGES = {
  protocol: [],
  sdk: ['protocol'],
  'task-runner': ['protocol', 'sdk'],
  executor: ['protocol'],
  'executor-[^/]+': ['protocol', 'sdk', 'task-runner', 'executor'],
  core: ['protocol', 'executor'],
  fairlead: ['protocol', 'sdk', 'task-runner', 'executor', 'executor-[^/]+', 'core'],
}

/** core, inside out: a folder may import the rows above its own, never a neighbour in the same row. */
const CORE = [
  ['model', 'config', 'observability'],
  ['db'],
  ['moves'],
  ['dispatch', 'callbacks', 'deadlines'],
  ['scheduler', 'triggerer', 'dag-processor', 'api'],
  ['processes'],
]

const CORE_OUTSIDE_THE_CONTRACT = ['model', 'config', 'observability', 'db', 'moves', 'callbacks', 'deadlines']
const CORE_FOLDERS = CORE.flat()
const TESTS = '\\.test(-d)?\\.ts$'
const DRIVERS = ['pg', 'pg-[^/]+', 'better-sqlite3', '@photostructure/sqlite', 'postgres', 'ioredis']
const IO_LIBRARIES = ['kysely', 'pino', 'fastify', 'esbuild', 'chokidar', 'prom-client', ...DRIVERS]

/** Every rule. dependency-cruiser reports an import that one of them forbids. */
export const rules = [
  ...Object.entries(PACKAGES).map(([name, allowed]) => packageRule(name, allowed)),
  ...CORE.flatMap((row, depth) => row.map((folder) => coreRule(folder, CORE.slice(0, depth).flat()))),
  forbid('core-has-no-loose-files', core('(?!index\\.ts)[^/]+\\.ts$'), { path: core('') }),
  forbid('core-entry-is-for-others', core('[^/]+/'), { path: core('index\\.ts$') }),
  forbid('contract-from-dispatch-up', core(`(${CORE_OUTSIDE_THE_CONTRACT.join('|')})/`), {
    path: '^packages/executor/',
  }),
  forbid('model-is-arithmetic', core('model/'), { dependencyTypes: ['core'] }),
  forbid('model-is-arithmetic-too', core('model/'), { path: modules(IO_LIBRARIES) }),
  forbid(
    'drivers-in-dialects',
    { path: '^packages/', pathNot: [core('db/dialect/'), TESTS] },
    { path: modules(DRIVERS) },
  ),
  forbid(
    'drivers-in-dialects-too',
    { path: '^packages/', pathNot: [core('db/dialect/'), TESTS] },
    { path: '^(node:)?sqlite$' },
  ),
  forbid('sql-in-db', { path: '^packages/', pathNot: [core('db/'), TESTS] }, { path: modules(['kysely']) }),
  forbid('sql-in-db-too', { path: '^packages/', pathNot: [core('db/'), TESTS] }, { path: core('db/statement\\.ts$') }),
  forbid(
    'one-place-knows-the-engines',
    { path: '^packages/', pathNot: [core('db/dialect/'), core('db/database\\.ts$'), TESTS] },
    { path: core('db/dialect/(sqlite|postgres)/') },
  ),
  forbid(
    'no-tests-in-sources',
    { path: '^packages/', pathNot: TESTS },
    { path: ['^(testkit|tests|bench|examples)/', TESTS] },
  ),
  { ...forbid('no-cycles', {}, { circular: true }) },
  forbid('everything-resolves', { path: '^packages/' }, { couldNotResolve: true, pathNot: '^(node:)?sqlite$' }),
]

function packageRule(name, allowed) {
  const others = [name, ...allowed].join('|')
  return forbid(`package-${name.replace('[^/]+', 'any')}`, source(`^packages/${name}/`), {
    path: '^packages/',
    pathNot: `^packages/(${others})/`,
  })
}

function coreRule(folder, allowed) {
  const forbidden = CORE_FOLDERS.filter((other) => other !== folder && !allowed.includes(other))
  return forbid(`core-${folder}`, core(`${folder}/`), { path: core(`(${forbidden.join('|')})/`) })
}

function forbid(name, from, to) {
  return { name, severity: 'error', from: typeof from === 'string' ? source(from) : from, to }
}

function source(path) {
  return { path, pathNot: TESTS }
}

function core(path) {
  return `^packages/core/src/${path}`
}

function modules(names) {
  return `node_modules/(${names.join('|')})/`
}
