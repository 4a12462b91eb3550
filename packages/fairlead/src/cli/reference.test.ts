import { expect, it } from 'vitest'
import { buildProgram } from './program.ts'
import { commandsReference } from './reference.ts'

const terminal = {
  env: {},
  cwd: '/',
  isInteractive: false,
  doWithoutReaders: () => undefined,
  columns: 100,
  out: () => undefined,
  err: () => undefined,
  signal: new AbortController().signal,
}

it('the reference page of the commands says what their help says', async () => {
  const text = commandsReference(buildProgram(terminal, { exitCode: 0 }))
  await expect(text).toMatchFileSnapshot('../../../../docs/reference/commands.md')
})
