/**
 * Text of a query for the lanes that a run's scheduled task instances wait in, `runKey` being its key in SQL. It goes
 * from one lane to the next in the index, however many task instances there are in each.
 */
export function lanesOfRun(runKey: string): string {
  const first = (side: 0 | 1): string => `
    select ${side} as side, (select min(lane) from task_instance where run_key = ${runKey} and is_admissible = ${side}) as lane`
  return `
    with recursive found(side, lane) as (
      ${first(0)} union all ${first(1)}
      union all
      select side, (
        select min(ti.lane) from task_instance ti
        where ti.run_key = ${runKey} and ti.is_admissible = found.side and ti.lane > found.lane
      ) from found where found.lane is not null
    )
    select distinct lane from found where lane is not null`
}
