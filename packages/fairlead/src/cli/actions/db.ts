import { forgetSharedSecret, migrate, migrationStatus, openInstallation } from '@fairlead/core'
import { EXIT_CODES } from '../cli-error.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead db migrate` */
export async function migrateDatabase(terminal: Terminal, options: OutputOptions): Promise<number> {
  const config = await loadConfiguration(terminal)
  const database = openInstallation(config, process.pid)
  try {
    const before = await migrationStatus(database)
    const { current } = await migrate(database, { defaultPoolSlots: config.core.defaultPoolTaskSlotCount })
    await printOne(terminal, options, { database: database.location, from: before.current, to: current })
    return EXIT_CODES.ok
  } finally {
    await database.close()
  }
}

/** `fairlead db check` */
export async function checkDatabase(terminal: Terminal, options: OutputOptions): Promise<number> {
  const database = openInstallation(await loadConfiguration(terminal), process.pid)
  try {
    const { current, newest } = await migrationStatus(database)
    const isCurrent = current === newest
    await printOne(terminal, options, {
      database: database.location,
      revision: current,
      newest,
      status: isCurrent ? 'ok' : 'behind',
    })
    if (!isCurrent) terminal.err('Bring it up to date with `fairlead db migrate`, or start the server.\n')
    return isCurrent ? EXIT_CODES.ok : EXIT_CODES.failure
  } finally {
    await database.close()
  }
}

/** `fairlead db forget-secret` */
export async function forgetSecret(terminal: Terminal): Promise<number> {
  const database = openInstallation(await loadConfiguration(terminal), process.pid)
  try {
    const wasKnown = await forgetSharedSecret(database)
    terminal.out(
      wasKnown
        ? 'Forgotten. The secret of the next process that starts is the one of the installation; tokens made before are void.\n'
        : 'The database knows of no secret.\n',
    )
    return EXIT_CODES.ok
  } finally {
    await database.close()
  }
}
