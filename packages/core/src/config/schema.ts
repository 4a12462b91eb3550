import { choice, flag, integer, optionalText, secretText, seconds, text, type Key } from './key.ts'

/** Every section and key of the configuration. Names are camelCase here and in files, snake_case elsewhere. */
export const CONFIG_SCHEMA = {
  core: {
    home: text('.fairlead', 'Folder of the database, keys, compiled Dag files and logs of this installation.'),
    dagsFolder: text('./dags', 'Folder in which Dag files are looked for, with its subfolders.'),
    executor: text(
      '',
      'Executors by name or `module#Class`, with optional `alias:`, comma separated, the default first; empty means those of the `executors` map, or else the built-in one for this machine.',
    ),
    parallelism: integer(
      32,
      'task instances',
      'How many task instances may be queued or running at once on one executor that sets no limit of its own.',
      1,
    ),
    maxActiveTasksPerDag: integer(
      16,
      'task instances',
      'How many task instances of one Dag run may be queued or running at once, for Dags that set no limit.',
      1,
    ),
    maxActiveRunsPerDag: integer(
      16,
      'Dag runs',
      'How many runs of one Dag may be running at once, for Dags that set no limit.',
      1,
    ),
    executionApiServerUrl: optionalText(
      'Address under which workers reach the Execution API, where that is not `api.base_url`; null means there, or the socket or address of the server itself.',
    ),
    defaultPoolTaskSlotCount: integer(
      128,
      'slots',
      'Slots that the default pool is made with; later `fairlead pools set default_pool` changes them. -1 for no limit.',
      -1,
    ),
    dagsArePausedAtCreation: flag(false, 'Whether a new Dag starts paused, unless it says otherwise itself.'),
  },
  database: {
    url: text('', 'Path of the SQLite file or a `postgres://` address; empty means `fairlead.db` in the home folder.', {
      isSensitive: true,
    }),
    synchronous: choice(
      ['normal', 'full'],
      'normal',
      'SQLite only: `normal` keeps everything over a crash of Fairlead, `full` over a power failure too.',
    ),
    poolSize: integer(10, 'connections', 'PostgreSQL only: how many connections one process opens at most.', 1),
    connectTimeout: seconds(10, 'PostgreSQL only: how long a connection may take to be had.'),
    statementTimeout: seconds(
      30,
      'PostgreSQL only: how long one statement may take to be answered before its connection counts as lost.',
    ),
  },
  api: {
    host: text('127.0.0.1', 'Address on which the REST API listens.'),
    port: integer(8080, 'port', 'Port on which the REST API listens; 0 takes any free one.'),
    baseUrl: optionalText(
      'Address under which the API is reached from elsewhere: by workers on other machines, and by those of a scheduler that is a process of its own. Null means where it listens.',
    ),
    bodyLimit: integer(1_048_576, 'bytes', 'Largest request body of the REST API.', 1),
    requestTimeout: seconds(30, 'How long a client may take to send a request.'),
    maximumPageLimit: integer(1000, 'rows', 'Largest page that a list answers, whatever limit was asked for.', 1),
    closeTimeout: seconds(5, 'How long open requests may go on when the server stops.'),
  },
  apiAuth: {
    jwtSecret: secretText(
      32,
      'Signs every token, and is the same for all processes of an installation; null means the file `api-secret` in the keys folder, which the first process makes.',
    ),
    jwtExpirationTime: seconds(86_400, 'How long a token from a login is good for.'),
    jwtLeeway: seconds(10, 'How far the clocks of signer and verifier may differ.'),
    adminUsername: text('admin', 'Name of the user that is created on the first start.'),
    maxFailedLogins: integer(
      10,
      'logins',
      'Failed logins from one address within a minute before more are refused for a minute.',
      1,
    ),
  },
  executionApi: {
    jwtExpirationTime: seconds(
      600,
      'How long the session token of a running task is good for; it is renewed while the task runs.',
    ),
    ticketExpirationTime: seconds(86_400, 'How long a launch ticket is good for: longer than any queue.'),
    bodyLimit: integer(
      16_777_216,
      'bytes',
      'Largest request body of the Execution API, which bounds one XCom value.',
      1,
    ),
    logLimit: integer(
      67_108_864,
      'bytes',
      'Largest log of one try that a worker without access to the log folder may send; the rest stays in its own output.',
      0,
    ),
  },
  scheduler: {
    taskInstanceHeartbeatTimeout: seconds(300, 'How long a running task may stay silent before it counts as lost.'),
    sweepInterval: seconds(
      10,
      'How often tasks are looked for that fell silent, are stuck in queued or lost their scheduler.',
    ),
    taskQueuedTimeout: seconds(600, 'How long a task may stay queued before it is handed over again.'),
    maxLaunchAttempts: integer(
      5,
      'times',
      'How often one try that never starts, or is stuck in queued, is handed over before it counts as failed.',
      1,
    ),
    schedulerLease: seconds(
      30,
      'How long a scheduler holds its lease without renewing it; it is renewed three times as often.',
    ),
    schedulerHealthCheckThreshold: seconds(
      30,
      'Age of the last heartbeat from which the scheduler counts as unhealthy.',
    ),
    idleInterval: seconds(5, 'Longest pause between two turns of the loop when no event wakes it.'),
    enableHealthCheck: flag(
      false,
      'Whether `fairlead scheduler` serves `/health` and `/metrics` on an address of its own; `standalone` has the API for that.',
    ),
    schedulerHealthCheckServerHost: text('127.0.0.1', 'Address on which `fairlead scheduler` serves its health.'),
    schedulerHealthCheckServerPort: integer(
      8974,
      'port',
      'Port on which `fairlead scheduler` serves its health; 0 takes any free one.',
    ),
    priorityAgeingInterval: seconds(
      60,
      'Waiting time after which a task that is ready counts one priority higher; 0 turns ageing off.',
    ),
    executorStartTimeout: seconds(60, 'How long an executor may take to start and to adopt its work.'),
    executorCallTimeout: seconds(
      30,
      'How long one call into an executor may take before its outcome counts as unknown.',
    ),
  },
  dagProcessor: {
    refreshInterval: seconds(30, 'How often the Dags folder is read in full, in case a change was not noticed.'),
    dagFileProcessorTimeout: seconds(30, 'How long one Dag file may take to load before it becomes an import error.'),
    dagProcessorHealthCheckThreshold: seconds(
      120,
      'Age of the last pass over the Dags folder from which the Dag processor counts as unhealthy.',
    ),
    parsingProcesses: integer(2, 'processes', 'How many Dag files are loaded at the same time.', 1),
    enableHealthCheck: flag(
      false,
      'Whether `fairlead dag-processor` serves `/health` and `/metrics` on an address of its own.',
    ),
    healthCheckServerHost: text('127.0.0.1', 'Address on which `fairlead dag-processor` serves its health.'),
    healthCheckServerPort: integer(
      8975,
      'port',
      'Port on which `fairlead dag-processor` serves its health; 0 takes any free one.',
    ),
    watch: flag(true, 'Whether changes in the Dags folder are picked up when they happen.'),
  },
  logging: {
    level: choice(['debug', 'info', 'warn', 'error'], 'info', 'Least important level that the server writes.'),
    format: choice(['pretty', 'json'], 'pretty', 'Lines for people, or one JSON object a line.'),
    baseLogFolder: optionalText('Folder of task logs; null means `logs` in the home folder.'),
    remoteBaseLogFolder: optionalText(
      'Where logs are looked for that are not in the folder: `s3://bucket/prefix`, as workers elsewhere were told to leave them. Needs the package `@aws-sdk/client-s3`.',
    ),
  },
  metrics: {
    isEnabled: flag(true, 'Whether metrics are kept and served at `/metrics`.'),
    prefix: text('airflow', 'First word of every metric name.'),
    requiresToken: flag(true, 'Whether `/metrics` asks for a token, as every other route does.'),
  },
  traces: {
    otelOn: flag(false, 'Whether each Dag run is told as an OpenTelemetry trace to a receiver of OTLP over HTTP.'),
    otelHost: text('localhost', 'Host of the receiver.'),
    otelPort: integer(4318, 'port', 'Port on which the receiver takes OTLP over HTTP.'),
    otelSslActive: flag(false, 'Whether the receiver is spoken to over TLS.'),
    otelService: text('fairlead', 'Name of the service in every span.'),
    otelHeaders: text('', 'Headers that the receiver asks for, as `name=value`, comma separated.', {
      isSensitive: true,
    }),
    exportInterval: seconds(1, 'How often spans that have ended are sent.'),
  },
  sentry: {
    sentryOn: flag(false, 'Whether workers tell Sentry of failures, on executors that support it.'),
    sentryDsn: text('', 'Address of the Sentry project (DSN).', { isSensitive: true }),
    environment: optionalText('Environment of every event; null leaves it to the SDK.'),
    release: optionalText('Release of every event; null leaves it to the SDK.'),
    beforeSend: optionalText(
      '`module#export` of a function that sees each event, may change it, and drops it by answering null; looked for from the folder in which workers are started.',
    ),
    options: text('{}', 'Further options of the SDK, as a JSON object.'),
    flushTimeout: seconds(2, 'How long a task that has failed waits at most for its event to be sent.'),
  },
  security: {
    keysFolder: optionalText('Folder of generated keys and the admin password; null means `keys` in the home folder.'),
    encryptionKeys: text(
      '',
      'Keys of variables and connections at rest, 32 bytes in base64 each, comma separated: the first encrypts, each decrypts. Empty means the file `encryption-keys` in the keys folder, which is generated.',
      { isSensitive: true },
    ),
  },
} as const satisfies Record<string, Record<string, Key<unknown>>>

/** Every section by name. */
export type ConfigSchema = typeof CONFIG_SCHEMA

type ValueOf<K> = K extends Key<infer T> ? T : never

/** The values of every section, without the typed executors map. */
export type ConfigValues = {
  readonly [S in keyof ConfigSchema]: { readonly [K in keyof ConfigSchema[S]]: ValueOf<ConfigSchema[S][K]> }
}
