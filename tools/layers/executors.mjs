// Nothing but its own package and the composition root names a concrete executor: not in code, not in a string, not in a
// comment. Which classes there are is read from the executor packages themselves; the others are upstream's.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const COMPOSITION_ROOT = 'packages/fairlead/src/built-in-executors.ts'
const PACKAGE = /^packages\/(executor-[^/]+)\/src\//
const DECLARATION = /\bclass (\w*Executor)\b/g

/** Names that Airflow and its providers know, whether or not a package of ours has one. */
const UPSTREAM = (
  'Local Sequential Debug Celery Kubernetes LocalKubernetes CeleryKubernetes Dask Edge ' +
  'AwsEcs Ecs AwsBatch Batch AwsLambda Lambda AwsEks Eks Redis Docker'
)
  .split(' ')
  .map((name) => `${name}Executor`)

/** Every concrete executor by name, with the package that it is of, or null. */
export function concreteExecutors(root, files) {
  const found = new Map(UPSTREAM.map((name) => [name, null]))
  for (const file of files) {
    const name = PACKAGE.exec(file)?.[1]
    if (name === undefined) continue
    for (const [, declared] of readFileSync(join(root, file), 'utf8').matchAll(DECLARATION)) found.set(declared, name)
  }
  return found
}

/** The rule of words for one file. */
export function executorsByName(executors, file) {
  const own = PACKAGE.exec(file)?.[1]
  const others = [...executors].filter(([, owner]) => owner === null || owner !== own).map(([name]) => name)
  const says =
    file === COMPOSITION_ROOT
      ? /(?!)/
      : new RegExp(
          `\\b(?:${others.join('|')})\\b|@fairlead/executor-(?!${own?.slice('executor-'.length) ?? ' '}\\b)[\\w-]+`,
        )
  return {
    name: 'no-executor-by-name',
    says,
    remedy: `Only its own package and ${COMPOSITION_ROOT} name an executor. Take it as an argument, or ask for a capability.`,
  }
}
