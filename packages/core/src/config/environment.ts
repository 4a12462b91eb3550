/** The one place of core that reads the process environment. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}

/** The environment for processes that run user code: without what steers Fairlead or Node itself. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const kept = Object.entries(env).filter((entry): entry is [string, string] => {
    const [name, value] = entry
    return value !== undefined && !name.startsWith('FAIRLEAD_') && !DROPPED.has(name)
  })
  return Object.fromEntries(kept)
}

// Node applies the certificates at the first TLS use, which costs a short-lived process 70 ms.
const DROPPED = new Set(['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'])
