import { basename } from 'node:path'

/** A watch on the Dags folder and on files elsewhere that its Dags import. */
export interface DagsFolderWatch {
  /** Watches these files too. */
  alsoWatch(files: readonly string[]): void
  close(): Promise<void>
}

/** Calls `onChange` whenever something in the folder changes. Resolves once every present file is watched. */
export async function watchDagsFolder(folder: string, onChange: () => void): Promise<DagsFolderWatch> {
  const { watch } = await import('chokidar')
  const isIgnored = (path: string): boolean => {
    const name = basename(path)
    return path !== folder && (name === 'node_modules' || (name.startsWith('.') && name !== '.fairleadignore'))
  }
  const watcher = watch(folder, { ignored: isIgnored, ignoreInitial: true, persistent: true })
  watcher.on('all', onChange)
  // A watch that fails (too many files, a network disk) leaves the periodic reading.
  watcher.on('error', onChange)
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  const watched = new Set<string>()
  return {
    alsoWatch: (files) => {
      const added = files.filter((file) => !watched.has(file))
      for (const file of added) watched.add(file)
      if (added.length > 0) watcher.add(added)
    },
    close: () => watcher.close(),
  }
}
