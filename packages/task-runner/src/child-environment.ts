/** What a task's process inherits: the environment less our settings and what would slow or change every Node start. */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(environment).filter(
    ([name]) => !name.startsWith('FAIRLEAD__') && !NOT_INHERITED.has(name),
  )
  return Object.fromEntries(inherited)
}

/** Path of the certificates that Node was told to trust beside its own, or null. */
export function extraCaCertificatesOf(environment: NodeJS.ProcessEnv): string | null {
  return environment['NODE_EXTRA_CA_CERTS'] ?? null
}

/** The certificate file costs 70 ms at each start on Node 20; the child applies it at its first TLS use. */
const NOT_INHERITED = new Set([
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
])
