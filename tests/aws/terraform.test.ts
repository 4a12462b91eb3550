import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const EXAMPLES = join(process.cwd(), 'examples/terraform')
/** A mirror of providers in the file system, as `terraform providers mirror FOLDER` makes it: nothing is downloaded. */
const plugins = process.env['FAIRLEAD_TEST_TERRAFORM_PLUGINS']
const name = 'the examples of Terraform'
const how = 'FAIRLEAD_TEST_TERRAFORM_PLUGINS=FOLDER npx vitest run tests/aws/terraform.test.ts'

describe.skipIf(plugins === undefined)(plugins === undefined ? `${name} (${how})` : name, () => {
  it.each(readdirSync(EXAMPLES))('are valid: %s', (example) => {
    const folder = mkdtempSync(join(tmpdir(), 'fl-terraform-'))
    cpSync(join(EXAMPLES, example), folder, { recursive: true })
    const terraform = (...args: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync('terraform', [...args], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, TF_CLI_CONFIG_FILE: undefined },
      })
      return status === 0 ? 'ok' : `${stdout}${stderr}`
    }
    try {
      expect(terraform('fmt', '-check')).toBe('ok')
      expect(terraform('init', '-backend=false', '-input=false', `-plugin-dir=${plugins}`)).toBe('ok')
      expect(terraform('validate')).toBe('ok')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
