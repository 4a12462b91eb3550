export async function startScene(): Promise<unknown> {
  throw new Error('soon')
}
