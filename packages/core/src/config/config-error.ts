/** A configuration that cannot be used; the message names the key, where it was set and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
}
