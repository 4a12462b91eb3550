import type { Dag } from './dag.ts'

/** Accepted so that Dag files of Airflow's TypeScript SDK move over unchanged: a Dag registers itself when constructed. */
export class Bundle {
  readonly dags: Dag[] = []

  /** Notes the Dags; they are registered already. */
  register(...dags: readonly Dag[]): this {
    this.dags.push(...dags)
    return this
  }

  /** Returns at once: Fairlead's own processes serve the Dags. */
  async serve(): Promise<void> {}
}
