import { spawn, type ChildProcess } from 'node:child_process'

/**
 * A small shell process that outlives a killed host just long enough to kill the process groups the host had. It is
 * told of each group through a pipe; the end of the pipe is the end of the host. A task that blocks its event loop or
 * is no Node process at all would notice nothing.
 */
export class Reaper {
  readonly #groups = new Set<number>()
  #shell: ChildProcess | null = null
  #isClosed = false

  constructor() {
    this.#start()
  }

  add(group: number): void {
    this.#groups.add(group)
    this.#tell(`+ ${group}\n`)
  }

  remove(group: number): void {
    this.#groups.delete(group)
    this.#tell(`- ${group}\n`)
  }

  /** Kills nothing and ends. */
  forget(): void {
    for (const group of this.#groups) this.remove(group)
    this.close()
  }

  /** Lets the shell end; it kills what was not removed. */
  close(): void {
    this.#isClosed = true
    this.#shell?.stdin?.end()
  }

  #start(): void {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'fairlead-reaper'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#shell = shell
    shell.on('error', () => undefined)
    shell.stdin.on('error', () => undefined)
    shell.once('exit', () => {
      if (!this.#isClosed) setTimeout(() => this.#isClosed || this.#start(), RESTART_MS).unref()
    })
    for (const group of this.#groups) this.#tell(`+ ${group}\n`)
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(line)
  }
}

const RESTART_MS = 1_000

const SCRIPT = `trap '' HUP INT TERM
groups=' '
while IFS=' ' read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done`
