import type { FromChild, TaskOutcome, ToChild, HostReply } from '../ipc.ts'

/** The child's end of the channel to its host. */
export interface HostLink {
  send(message: FromChild): void
  /** Asks the host, and keeps the process alive until it answers. */
  ask(request: (id: number) => FromChild): Promise<HostReply>
  /** Hands the answer to a request to whoever asked. */
  settle(id: number, answer: HostReply): void
  /** Lets the process end when user code has nothing left to do. */
  unref(): void
  /** Sends the last word and exits once the host has it. */
  finish(outcome: TaskOutcome): Promise<void>
}

/** Takes the channel for the runner alone: user code finds no `process.send`. */
export function connectHost(
  child: NodeJS.Process,
  on: { onMessage: (message: ToChild) => void; onGone: () => void },
): HostLink {
  const waiting = new Map<number, (answer: HostReply) => void>()
  let lastId = 0
  const channel = child.channel
  const rawSend = child.send?.bind(child)
  // User code may replace it later.
  const exit = child.exit.bind(child)
  if (rawSend === undefined || channel === undefined)
    throw new Error('This file is started by the worker host, not by hand.')
  child.on('message', (message) => on.onMessage(message as ToChild))
  child.on('disconnect', on.onGone)
  delete child.send

  // A failed send means that the host is gone, which the disconnect handles.
  const send = (message: FromChild): void => void rawSend(message, undefined, undefined, () => undefined)
  return {
    send,
    ask: (request) =>
      new Promise((resolve) => {
        const id = ++lastId
        waiting.set(id, resolve)
        channel?.ref()
        send(request(id))
      }),
    settle(id, answer) {
      const resolve = waiting.get(id)
      waiting.delete(id)
      if (waiting.size === 0) channel?.unref()
      resolve?.(answer)
    },
    unref: () => channel?.unref(),
    async finish(outcome) {
      channel?.ref()
      await flushed(child.stdout)
      await flushed(child.stderr)
      const exitCode = outcome.kind === 'failed' ? 1 : 0
      rawSend({ kind: 'outcome', outcome } satisfies FromChild, undefined, undefined, () => exit(exitCode))
    },
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => (stream.writableLength === 0 ? resolve() : stream.write('', () => resolve())))
}
