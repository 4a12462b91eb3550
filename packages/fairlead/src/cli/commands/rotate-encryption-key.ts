import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead rotate-encryption-key` */
export function rotateEncryptionKeyCommand(run: Run): Command {
  return new Command('rotate-encryption-key')
    .description('Encrypt every variable and connection anew under a new key. The old keys stay, for backups.')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('rotate-encryption-key'))
    .action(run(async () => (await import('../actions/rotate-encryption-key.ts')).rotateEncryptionKey))
}
