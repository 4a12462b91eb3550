import { sections } from './load.ts'
import { environmentName, snakeCase } from './names.ts'

/** The reference page of every key, as Markdown. */
export function configurationReference(): string {
  const parts = [HEADER]
  for (const [section, keys] of sections()) {
    parts.push(`## \`${snakeCase(section)}\``, '')
    for (const [name, key] of Object.entries(keys)) {
      const fallback = key.fallback === '' ? 'empty' : `\`${JSON.stringify(key.fallback)}\``
      parts.push(
        `### \`${snakeCase(section)}.${snakeCase(name)}\``,
        '',
        key.about,
        '',
        `- In \`fairlead.config.ts\`: \`${section}.${name}\`. In the environment: \`${environmentName(section, name)}\`.`,
        `- Type: ${key.type.replaceAll('|', 'or')}${key.unit === null ? '' : ` (${key.unit})`}. Default: ${fallback}.${key.isSensitive ? ' Shown as hidden.' : ''}`,
        '',
      )
    }
  }
  return `${parts.join('\n').trimEnd()}\n`
}

const HEADER = `# Configuration

<!-- Generated from packages/core/src/config/schema.ts by: npx vitest run packages/core/src/config --update. Do not edit. -->

Each key has a default, may be set in \`fairlead.config.ts\` (also \`.js\` and \`.mjs\`) next to where Fairlead is started,
and may be set in the environment, which wins. \`FAIRLEAD_HOME\` is a short name of \`FAIRLEAD__CORE__HOME\`, and
\`FAIRLEAD_CONFIG\` names another configuration file. \`fairlead config list --show-origin\` shows what is in force and why.

\`\`\`ts
import { defineConfig } from 'fairlead'

export default defineConfig({
  core: { dagsFolder: './pipelines', parallelism: 8 },
  executors: {
    quick: { executor: './my-executor.ts#MyExecutor' },
    heavy: { executor: './my-executor.ts#MyExecutor', parallelism: 2, settings: { region: 'eu' } },
  },
})
\`\`\`

The keys of \`executors\` are the names that a task's \`executor\` may use; the first one is the default. The text form is
\`core.executor\`, with Airflow's grammar: a short name, \`module#Class\`, or \`alias:\` before either, separated by commas.
`
