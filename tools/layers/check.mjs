// Reads every source file under packages/ and answers what breaks the layers. Throws when it read nothing.
import { join } from 'node:path'
import { cruise } from 'dependency-cruiser'
import { rules } from './layers.mjs'
import { problemsInWords } from './words.mjs'

/** Checks the workspace at `root`. */
export async function checkLayers(root) {
  const { modules, summary } = await readModules(root)
  const files = modules.map(({ source }) => source).filter((source) => /^packages\/[^/]+\/src\/.*\.ts$/.test(source))
  // A parser that cannot read TypeScript finds no files, or files without imports, and would pass everything.
  const imports = modules.filter(({ source }) => files.includes(source)).flatMap(({ dependencies }) => dependencies)
  if (files.length === 0 || imports.length === 0) throw new Error(`Nothing was read under ${join(root, 'packages')}.`)
  const sources = files.filter((file) => !/\.test(-d)?\.ts$/.test(file))
  const problems = [...summary.violations.map(sentence), ...problemsInWords(root, sources)]
  return { files: files.length, imports: imports.length, problems }
}

async function readModules(root) {
  const { output } = await cruise(
    ['packages'],
    {
      baseDir: root,
      ruleSet: { forbidden: rules },
      validate: true,
      includeOnly: undefined,
      exclude: { path: '^packages/[^/]+/(dist|bin)/' },
      doNotFollow: { path: 'node_modules' },
      tsPreCompilationDeps: true,
      combinedDependencies: true,
      moduleSystems: ['es6', 'cjs'],
    },
    {
      conditionNames: ['@fairlead/source', 'import', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.d.ts', '.mjs', '.js', '.cjs', '.json'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  )
  return output
}

function sentence({ rule, from, to, cycle }) {
  const path = cycle === undefined ? to : cycle.map(({ name }) => name ?? '').join(' -> ')
  return `${rule.name}: ${from} imports ${path}`
}
