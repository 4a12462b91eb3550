import type { Command } from 'commander'

/** Sub-commands do not inherit settings that are made before they are added. */
export function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inherit(child, command)
}
