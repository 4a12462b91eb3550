import { installedVersion } from '../installed-version.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead version` */
export async function version(terminal: Terminal, options: OutputOptions): Promise<number> {
  const { node, sqlite } = process.versions
  await printOne(terminal, options, {
    fairlead: installedVersion(),
    node,
    sqlite: sqlite ?? null,
    platform: `${process.platform} ${process.arch}`,
  })
  return 0
}
