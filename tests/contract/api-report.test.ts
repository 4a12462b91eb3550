import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('exports from @fairlead/executor what its committed API report says', () => {
  const script = fileURLToPath(new URL('../../scripts/api-report.mjs', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--check', 'packages/executor'], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})
