import { inspect } from 'node:util'
import { positionInStack, shownPath } from './author-position.ts'
import type { ParseError, ParseRequest } from './messages.ts'

/** What an author's code threw, with the author's file and line. */
export function parseErrorOf(error: unknown, request: ParseRequest): ParseError {
  const { name, message, code, stack, location } = readError(error)
  const kind = name === 'AuthorError' ? 'author' : 'threw'
  const shown = kind === 'author' ? message : `${name}: ${message}`
  const place = placeOf(location, stack, request)
  return { kind, code, message: shown, ...place, stack: kind === 'author' ? null : trimStack(stack) }
}

interface ReadError {
  readonly name: string
  readonly message: string
  readonly code: string | null
  readonly stack: string | null
  readonly location: string | null
}

function readError(error: unknown): ReadError {
  if (!(error instanceof Error)) {
    return { name: 'Thrown', message: inspect(error), code: null, stack: null, location: null }
  }
  const { code, location } = error as { code?: unknown; location?: unknown }
  return {
    name: String(error.name),
    message: String(error.message),
    code: typeof code === 'string' ? code : null,
    stack: typeof error.stack === 'string' ? error.stack : null,
    location: typeof location === 'string' ? location : null,
  }
}

function placeOf(
  location: string | null,
  stack: string | null,
  request: ParseRequest,
): Pick<ParseError, 'file' | 'line' | 'column'> {
  const [, file, line] = /^(.*):(\d+)$/.exec(location ?? '') ?? []
  if (file !== undefined) return { file, line: Number(line), column: null }
  const position = stack === null ? null : positionInStack(stack)
  if (position === null) return { file: request.file, line: null, column: null }
  return { ...position, file: shownPath(position.file, request.dagsFolder) }
}

// Our own frames below the author's say nothing to the author.
function trimStack(stack: string | null): string | null {
  if (stack === null) return null
  const own = process.argv[1] ?? ''
  const lines = stack
    .split('\n')
    .filter((line) => !(own !== '' && line.includes(own)) && !line.includes('node:internal/'))
  return lines.join('\n')
}
