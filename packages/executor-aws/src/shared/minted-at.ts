/** When a UUIDv7 was made, in milliseconds since the epoch: nothing of its dispatch is older. 0 for any other id. */
export function mintedAt(uuid: string): number {
  return uuid[14] === '7' ? Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16) : 0
}
