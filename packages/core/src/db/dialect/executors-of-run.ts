/**
 * Text of a query for the executors that a run's scheduled task instances wait for, `runKey` being its key in SQL. It
 * goes from one name to the next in the index, however many task instances there are of each.
 */
export function executorsOfRun(runKey: string): string {
  const first = (side: 0 | 1): string => `
    select ${side} as side, (select min(executor) from task_instance where run_key = ${runKey} and is_admissible = ${side}) as executor`
  return `
    with recursive found(side, executor) as (
      ${first(0)} union all ${first(1)}
      union all
      select side, (
        select min(ti.executor) from task_instance ti
        where ti.run_key = ${runKey} and ti.is_admissible = found.side and ti.executor > found.executor
      ) from found where found.executor is not null
    )
    select distinct executor from found where executor is not null`
}
