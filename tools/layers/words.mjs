// Rules about words rather than imports: what a source file may not say, and where it may.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { concreteExecutors, executorsByName } from './executors.mjs'

const PURE_IN_TIME = /^packages\/core\/src\/(model|moves|dispatch|callbacks|deadlines|scheduler|db\/(?!dialect\/))/

const WORDS = [
  {
    name: 'environment-in-config',
    // Handing the whole on, as in childEnvironment(process.env), is no reading.
    says: /\bprocess\.env\b(?!\))/,
    // A process of its own receives argv and environment in its main.ts, and hands them on as arguments.
    mayBeIn: /^packages\/core\/src\/config\/|\/main\.ts$/,
    remedy: 'Read it in core/src/config, or in the main.ts of a process, and pass it on.',
  },
  {
    name: 'no-branch-on-an-executors-name',
    says: /\bexecutor(?:Name|Class|\??\.name|\.constructor\.name|Class\.name)?\s*(?:===?|!==?)\s*['"`]\w|['"`]\s*(?:===?|!==?)\s*executor(?:\.name|Name)\b/,
    mayBeIn: /^$/,
    remedy: 'A name is whatever its configuration says. Ask for a capability of the class.',
  },
  {
    name: 'no-branch-on-the-engine',
    says: /(===?|!==?|\bcase)\s*['"](sqlite|postgres|postgresql|pg)['"]/,
    mayBeIn: /^packages\/core\/src\/db\/dialect\//,
    remedy: 'Give both dialects a function of one name and call it.',
  },
  {
    name: 'queries-in-db',
    says: /\.(?:selectFrom|insertInto|replaceInto|updateTable|deleteFrom|mergeInto|selectNoFrom)\(/,
    mayBeIn: /^packages\/core\/src\/db\//,
    remedy: 'Give the query a name in core/src/db/queries and call it.',
  },
  {
    name: 'time-and-chance-are-arguments',
    says: /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bset(Timeout|Interval|Immediate)\(|\brandomUUID\(|\bperformance\.now\(/,
    mustBeIn: PURE_IN_TIME,
    remedy: 'Take the clock or the source of randomness as a parameter.',
  },
]

/** What the files say that they may not, one sentence each. */
export function problemsInWords(root, files) {
  const executors = concreteExecutors(root, files)
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const lines = withoutComments(text).split('\n')
    const named = problemsOf(executorsByName(executors, file), file, text.split('\n'))
    return [...named, ...WORDS.filter((rule) => applies(rule, file)).flatMap((rule) => problemsOf(rule, file, lines))]
  })
}

function applies({ mayBeIn, mustBeIn }, file) {
  return mustBeIn === undefined ? !mayBeIn.test(file) : mustBeIn.test(file)
}

function problemsOf({ name, says, remedy }, file, lines) {
  return lines.flatMap((line, index) =>
    says.test(line) ? [`${name}: ${file}:${index + 1} says "${line.trim()}". ${remedy}`] : [],
  )
}

/** Comments may name what code may not. Line breaks stay, so that line numbers hold. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, '')).replace(/(^|\s)\/\/.*$/gm, '$1')
}
