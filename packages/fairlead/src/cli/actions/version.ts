import { sqliteVersion } from '@fairlead/core'
import { installedVersion } from '../installed-version.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead version` */
export async function version(terminal: Terminal, options: OutputOptions): Promise<number> {
  await printOne(terminal, options, {
    fairlead: installedVersion(),
    node: process.versions.node,
    sqlite: sqliteVersion(),
    platform: `${process.platform} ${process.arch}`,
  })
  return 0
}
