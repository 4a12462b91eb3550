/** When a UUIDv7 was made, in milliseconds since the epoch: nothing of its dispatch is older. */
export function mintedAt(uuid: string): number {
  return Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16)
}
