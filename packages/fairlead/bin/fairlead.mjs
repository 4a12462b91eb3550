#!/usr/bin/env node
import { existsSync } from 'node:fs'

const cli = new URL('../dist/cli.mjs', import.meta.url)
if (existsSync(cli)) {
  await import(cli.href)
} else {
  console.error('This clone of Fairlead is not built. Run `npm run build` first.')
  process.exitCode = 1
}
