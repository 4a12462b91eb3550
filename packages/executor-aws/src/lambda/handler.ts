/** Stands here until it is built. */
export async function handler(): Promise<void> {
  throw new Error('The handler is not built yet.')
}
