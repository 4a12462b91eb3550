/** Parts of names whose values are secrets (Airflow's list). */
const SENSITIVE_PARTS = [
  'access_token',
  'api_key',
  'apikey',
  'authorization',
  'passphrase',
  'passwd',
  'password',
  'private_key',
  'secret',
  'token',
  'keyfile_dict',
  'service_account',
] as const

/** What is shown in place of a secret. */
export const MASKED = '***'

/** True when a value of this name is a secret: it is masked wherever it is shown. */
export function isSensitiveName(name: string): boolean {
  const plain = name.trim().toLowerCase().replaceAll('-', '_')
  return SENSITIVE_PARTS.some((part) => plain.includes(part))
}

/** Every text below a sensitive name, at any depth of a JSON value. */
export function sensitiveTexts(value: unknown, isSensitive = false): readonly string[] {
  if (typeof value === 'string') return isSensitive ? [value] : []
  if (typeof value === 'number') return isSensitive ? [String(value)] : []
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap((item) => sensitiveTexts(item, isSensitive))
  return Object.entries(value).flatMap(([name, item]) => sensitiveTexts(item, isSensitive || isSensitiveName(name)))
}

/** The value with {@link MASKED} below every sensitive name. */
export function withMaskedSecrets(value: unknown, isSensitive = false): unknown {
  if (typeof value !== 'object' || value === null) return isSensitive && value !== null ? MASKED : value
  if (Array.isArray(value)) return value.map((item) => withMaskedSecrets(item, isSensitive))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withMaskedSecrets(item, isSensitive || isSensitiveName(name))]),
  )
}
