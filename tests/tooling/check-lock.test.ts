import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/check-lock.mjs', import.meta.url))
const MANIFEST = { name: 'planted', dependencies: { zod: '4.6.7' } }
const LOCKED = { 'node_modules/zod': { version: '4.6.7' } }

describe('the lockfile check', () => {
  it('passes exact pins and a complete lockfile', () => {
    expect(check({ manifest: MANIFEST, locked: LOCKED })).toMatchObject({ status: 0, stderr: '' })
  })

  it.each(['^4.6.7', '4.x', '*', 'latest', '>=4'])('refuses the pin "%s"', (version) => {
    const { status, stderr } = check({ manifest: { ...MANIFEST, dependencies: { zod: version } }, locked: LOCKED })
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`zod must be pinned`) })
  })

  it('refuses a lockfile that lacks a platform', () => {
    const locked = { 'node_modules/tool': { version: '1.0.0', optionalDependencies: { '@tool/linux': '1.0.0' } } }
    const { status, stderr } = check({ manifest: MANIFEST, locked })
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('wants @tool/linux') })
  })

  it('refuses a download address', () => {
    const locked = { 'node_modules/zod': { version: '4.6.7', resolved: 'https://registry.example/zod.tgz' } }
    const { status, stderr } = check({ manifest: MANIFEST, locked })
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('download address') })
  })
})

function check({ manifest, locked }: { manifest: object; locked: object }): { status: number | null; stderr: string } {
  const workspace = mkdtempSync(join(tmpdir(), 'fairlead-lock-'))
  write(join(workspace, 'package.json'), { name: 'planted-workspace' })
  write(join(workspace, 'packages/planted/package.json'), manifest)
  write(join(workspace, 'package-lock.json'), { packages: { '': {}, ...locked } })
  const { status, stderr } = spawnSync(process.execPath, [script, workspace], { encoding: 'utf8' })
  rmSync(workspace, { recursive: true })
  return { status, stderr }
}

function write(file: string, content: object): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(content))
}
