/**
 * Which file owns which Dag id. An owner keeps its Dag until it drops it; between files that were first seen in the
 * same pass the first by path wins, so that a restart decides as the start before it did.
 */
export class DagOwnership {
  readonly #owners = new Map<string, { file: string; pass: number }>()

  /** Claims ids for a file; answers the first that another file keeps, and who, or null when all are the file's. */
  claim(file: string, dagIds: readonly string[], pass: number): { dagId: string; owner: string } | null {
    for (const dagId of dagIds) {
      const owner = this.#owners.get(dagId)
      if (owner === undefined || owner.file === file) continue
      if (owner.pass !== pass || owner.file < file) return { dagId, owner: owner.file }
    }
    this.release(file, dagIds)
    for (const dagId of dagIds) {
      const owner = this.#owners.get(dagId)
      this.#owners.set(dagId, { file, pass: owner?.file === file ? owner.pass : pass })
    }
    return null
  }

  /** Gives up every id of a file but those in `kept`. */
  release(file: string, kept: readonly string[] = []): void {
    for (const [dagId, owner] of this.#owners) {
      if (owner.file === file && !kept.includes(dagId)) this.#owners.delete(dagId)
    }
  }

  /** True when the file owns all of these ids. */
  owns(file: string, dagIds: readonly string[]): boolean {
    return dagIds.every((dagId) => this.#owners.get(dagId)?.file === file)
  }
}
