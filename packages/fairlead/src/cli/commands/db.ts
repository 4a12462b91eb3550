import { Command } from 'commander'
import { examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead db …` */
export function dbCommand(run: Run): Command {
  const db = new Command('db').description('Look after the database.')
  db.command('migrate')
    .description('Bring the database to the revision of this Fairlead. A server does it when it starts.')
    .addOption(outputOption())
    .addHelpText('after', examples('db migrate', 'db migrate --output json'))
    .action(run(async () => (await import('../actions/db.ts')).migrateDatabase))
  db.command('check')
    .description('See whether the database can be reached and is at the revision of this Fairlead.')
    .addOption(outputOption())
    .addHelpText('after', examples('db check'))
    .action(run(async () => (await import('../actions/db.ts')).checkDatabase))
  db.command('forget-secret')
    .description('Let the installation have another secret for its tokens. Stop every process first.')
    .addHelpText('after', examples('db forget-secret'))
    .action(run(async () => (await import('../actions/db.ts')).forgetSecret))
  return db
}
