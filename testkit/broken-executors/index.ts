import { AdoptsForeign } from './adopts-foreign.ts'
import { BlocksTenSeconds } from './blocks-ten-seconds.ts'
import { CallsOutageAbsence } from './calls-outage-absence.ts'
import { ChangesWorkloads } from './changes-workloads.ts'
import { FailsWhenThrottled } from './fails-when-throttled.ts'
import { ForgetsOnRevoke } from './forgets-on-revoke.ts'
import { HangsInSync } from './hangs-in-sync.ts'
import { KeepsTokens } from './keeps-tokens.ts'
import { LeaksSlots } from './leaks-slots.ts'
import { Lingers } from './lingers.ts'
import { LogsTokens } from './logs-tokens.ts'
import { LosesEvents } from './loses-events.ts'
import { ReportsSuccessForCrash } from './reports-success-for-crash.ts'
import { ReportsTwice } from './reports-twice.ts'
import { ReversesPriority } from './reverses-priority.ts'
import { TakesAnySetting } from './takes-any-setting.ts'
import { ThrowsInStart } from './throws-in-start.ts'

/** Executors that are broken in one place each. */
export const BROKEN_EXECUTORS = {
  LosesEvents,
  ReportsTwice,
  ReportsSuccessForCrash,
  LeaksSlots,
  HangsInSync,
  ThrowsInStart,
  ForgetsOnRevoke,
  AdoptsForeign,
  LogsTokens,
  BlocksTenSeconds,
  ReversesPriority,
  FailsWhenThrottled,
  CallsOutageAbsence,
  TakesAnySetting,
  Lingers,
  ChangesWorkloads,
  KeepsTokens,
} as const
