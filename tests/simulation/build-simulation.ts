import { build } from 'esbuild'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlantedBug } from './planted-bugs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const BANNER = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`

/** A copy of core and the simulation, in a folder of its own. */
export interface SimulationCopy {
  /** Bundles the simulation with a bug in core, or with none. Answers the bundle's path. */
  bundle(bug: PlantedBug | null): Promise<string>
  remove(): void
}

/** Copies what the simulation is made of, so that a test may break it. */
export function copySimulation(): SimulationCopy {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-simulation-'))
  mkdirSync(join(folder, 'packages/core'), { recursive: true })
  cpSync(join(root, 'packages/core/src'), join(folder, 'packages/core/src'), { recursive: true })
  cpSync(join(root, 'testkit'), join(folder, 'testkit'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    bundle: async (bug) => {
      const undo = bug === null ? () => undefined : plant(folder, bug)
      const outfile = join(folder, `simulate-${bug === null ? 'sound' : bug.name.replaceAll(/\W+/g, '-')}.mjs`)
      try {
        await build({
          absWorkingDir: folder,
          entryPoints: ['testkit/simulation/main.ts'],
          outfile,
          bundle: true,
          platform: 'node',
          target: 'node20',
          format: 'esm',
          conditions: ['@fairlead/source'],
          external: ['@photostructure/sqlite', 'pg-native'],
          banner: { js: BANNER },
          logLevel: 'error',
        })
      } finally {
        undo()
      }
      return outfile
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Answers how to take the bug out again. */
function plant(folder: string, { name, file, changes }: PlantedBug): () => void {
  const path = join(folder, 'packages/core/src', file)
  const sound = readFileSync(path, 'utf8')
  let text = sound
  for (const { find, replace } of changes) {
    const places = text.split(find).length - 1
    if (places !== 1) {
      throw new Error(`The bug "${name}" needs "${find}" once in ${file}, and finds it ${places} times. Adapt it.`)
    }
    text = text.replace(find, () => replace)
  }
  writeFileSync(path, text)
  return () => writeFileSync(path, sound)
}
