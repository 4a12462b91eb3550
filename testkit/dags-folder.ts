import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A Dags folder of its own with a place for bundles, both under one folder that `remove` deletes. */
export interface TemporaryDagsFolder {
  readonly root: string
  readonly dags: string
  readonly bundles: string
  write(file: string, content: string): void
  delete(file: string): void
  /** Makes a package of this workspace importable. */
  install(packageName: string): void
  remove(): void
}

/** Creates a Dags folder that holds these files. */
export function createDagsFolder(files: Record<string, string> = {}): TemporaryDagsFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'fairlead-dags-')))
  const dags = join(root, 'dags')
  const write = (file: string, content: string): void => {
    mkdirSync(dirname(join(dags, file)), { recursive: true })
    writeFileSync(join(dags, file), content)
  }
  mkdirSync(dags)
  for (const [file, content] of Object.entries(files)) write(file, content)
  return {
    root,
    dags,
    bundles: join(root, 'bundles'),
    write,
    delete: (file) => rmSync(join(dags, file)),
    install: (packageName) => {
      const link = join(root, 'node_modules', packageName)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(fileURLToPath(new URL(`../node_modules/${packageName}`, import.meta.url)), link)
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
