export async function latencyScene(): Promise<unknown> {
  throw new Error('soon')
}
