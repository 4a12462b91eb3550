import { join, resolve } from 'node:path'
import type { ExecutorHost } from '@fairlead/executor'
import type { DispatchId, ExecuteTask } from '@fairlead/protocol'
import type { DockerSettings, DockerTaskConfig } from './settings.js'

/** Label by which an instance knows its containers. */
export const EXECUTOR_LABEL = 'fairlead.executor'
/** Label with the place of the task's log below the log folder. */
export const LOG_LABEL = 'fairlead.log-path'
const TASK_LABEL = 'fairlead.task'

/** The dispatch id is the name: the engine itself refuses a second container for one hand-over. */
export function containerName(dispatchId: DispatchId): string {
  return `fairlead-${dispatchId}`
}

/** Folder that one container shares with the executor: the workload goes in, its verdict comes out. */
export function dispatchFolder(host: ExecutorHost, dispatchId: DispatchId): string {
  return resolve(host.runFolder, dispatchId)
}

/** The body of `POST /containers/create`. Nothing secret is in it: whoever may list containers may read it. */
export function containerSpec(
  { taskInstance, bundle, logPath }: ExecuteTask,
  host: ExecutorHost,
  { settings, config }: { readonly settings: DockerSettings; readonly config: DockerTaskConfig },
): object {
  const { dispatchId, dagId, taskId } = taskInstance
  const { image = settings.image, memoryMb, cpus, env = {} } = config
  return {
    Image: image,
    Hostname: `task-${dispatchId.slice(0, 8)}`,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { [EXECUTOR_LABEL]: host.name, [TASK_LABEL]: `${dagId}.${taskId}`, [LOG_LABEL]: logPath },
    HostConfig: {
      NetworkMode: settings.network,
      // A task may leave processes behind: somebody must wait for them.
      Init: true,
      Mounts: [
        bind(dispatchFolder(host, dispatchId), '/fairlead/dispatch', false),
        bind(resolve(join(host.bundleFolder, bundle.hash)), `/fairlead/bundles/${bundle.hash}`, true),
      ],
      ...(memoryMb === undefined ? {} : { Memory: memoryMb * MEBIBYTE, MemorySwap: memoryMb * MEBIBYTE }),
      ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    },
  }
}

function bind(source: string, target: string, isReadOnly: boolean): object {
  return { Type: 'bind', Source: source, Target: target, ReadOnly: isReadOnly }
}

const MEBIBYTE = 1024 * 1024
