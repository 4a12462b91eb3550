import type { StandardSchema } from '@fairlead/executor'

/** What configuration says of one instance. */
export interface DockerSettings {
  /** Where the engine listens. */
  readonly socketPath: string
  /** Image of tasks that name none; its entry point is `worker.mjs`. */
  readonly image: string
  /** Docker network of the containers. `host`: they reach the API as processes of this machine do. */
  readonly network: string
  /** Where containers reach the API, when it is not where this machine does; null for the same place. */
  readonly apiUrl: string | null
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly killGraceMs: number
}

/** What one task may say of its container. */
export interface DockerTaskConfig {
  readonly image?: string
  /** Limit of memory, in MiB; beyond it the kernel kills. */
  readonly memoryMb?: number
  readonly cpus?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Settings that nobody gave. */
const DEFAULTS: DockerSettings = {
  socketPath: '/var/run/docker.sock',
  image: 'fairlead-task:latest',
  network: 'host',
  apiUrl: null,
  killGraceMs: 5000,
}

/** Schema of {@link DockerSettings}; what is not given has its default. */
export const settingsSchema: StandardSchema<Partial<DockerSettings>> = strictObject(
  { socketPath: isText, image: isText, network: isText, apiUrl: isTextOrNull, killGraceMs: isPositive },
  DEFAULTS,
)

/** Schema of {@link DockerTaskConfig}. */
export const taskConfigSchema: StandardSchema<DockerTaskConfig> = strictObject(
  { image: isText, memoryMb: isPositive, cpus: isPositive, env: isTextMap },
  {},
)

/** A rule for one value: what it must be, or null when it is that. */
type Rule = (value: unknown) => string | null

/** Any schema library with the Standard Schema interface does this for you. An unknown key is refused. */
function strictObject<Input>(rules: Readonly<Record<string, Rule>>, defaults: object): StandardSchema<Input> {
  return {
    '~standard': {
      version: 1,
      vendor: 'fairlead-docker-executor',
      validate(value) {
        if (typeof value !== 'object' || value === null) return { issues: [{ message: 'must be an object' }] }
        const issues = Object.entries(value).flatMap(([key, one]) => {
          const message =
            rules[key] === undefined ? `is unknown; known are ${Object.keys(rules).join(', ')}` : rules[key](one)
          return message === null ? [] : [{ message: `"${key}" ${message}`, path: [key] }]
        })
        return issues.length > 0 ? { issues } : { value: { ...defaults, ...value } }
      },
    },
  }
}

function isText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? null : 'must be a text'
}

function isTextOrNull(value: unknown): string | null {
  return value === null ? null : isText(value)
}

function isPositive(value: unknown): string | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? null : 'must be a number above 0'
}

function isTextMap(value: unknown): string | null {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isMap && Object.values(value).every((one) => typeof one === 'string') ? null : 'must map names to texts'
}
