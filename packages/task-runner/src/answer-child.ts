import type { ExecuteTask } from '@fairlead/protocol'
import { answerForSecrets } from './answer-for-secrets.ts'
import type { CallOptions, XComAddress } from './execution-api-client.ts'
import { readReply, reply, writeReply, type ChildReply } from './child-reply.ts'
import type { FromChild, XComPlace } from './ipc.ts'
import type { ProgramStart } from './program-run.ts'
import type { SecretMask } from './secret-mask.ts'

/** Asks the API for a child, which has no token. Null for a message that wants no answer. */
export async function answerChild(
  message: FromChild,
  { taskInstance }: ExecuteTask,
  { session, apiBudgetMs: budgetMs, signal }: Pick<ProgramStart, 'session' | 'apiBudgetMs' | 'signal'>,
  mask: SecretMask,
): Promise<ChildReply | null> {
  const options: CallOptions = { budgetMs, signal }
  switch (message.kind) {
    case 'xcomGet':
      return reply(message.id, readReply(await session.getXCom(placeOf(message.address, taskInstance), options)))
    case 'xcomSet': {
      const { dagId, runId, taskId, mapIndex } = taskInstance
      const place = { dagId, runId, taskId, mapIndex, key: message.key }
      return reply(message.id, writeReply(await session.setXCom(place, message.json, options)))
    }
    case 'xcomDelete':
      return reply(message.id, writeReply(await session.deleteXCom(placeOf(message.address, taskInstance), options)))
    case 'breadcrumbs':
      return reply(message.id, readReply(await session.getBreadcrumbs(taskInstance, options)))
    default:
      return answerForSecrets(message, { session, options, mask })
  }
}

function placeOf({ dagId, runId, taskId, mapIndex, key }: XComPlace, own: ExecuteTask['taskInstance']): XComAddress {
  return {
    dagId: dagId ?? own.dagId,
    runId: runId ?? own.runId,
    taskId: taskId ?? own.taskId,
    // Another task's value is not mapped unless asked for; our own is where we are.
    mapIndex: mapIndex ?? (taskId === null ? own.mapIndex : -1),
    key,
  }
}
