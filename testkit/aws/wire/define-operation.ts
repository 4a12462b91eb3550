import type { z } from 'zod'
import type { Need } from '../iam/policy.ts'
import { AwsError } from './aws-error.ts'
import type { Operation, ServiceAnswer, ServiceCall } from './service.ts'

type Output = Readonly<Record<string, unknown>>

/** What an operation is made of. `run` answers the output alone. */
export interface OperationParts<Schema extends z.ZodType> {
  readonly input: Schema
  /** What the caller's policy must allow. Absent: any caller may. */
  needs?(input: z.output<Schema>): readonly Need[]
  run(input: z.output<Schema>, call: ServiceCall): Output | ServiceAnswer | Promise<Output | ServiceAnswer>
}

/** An operation whose input is parsed once, before anything looks at it. */
export function defineOperation<Schema extends z.ZodType>(parts: OperationParts<Schema>): Operation {
  return {
    needs: (call) => parts.needs?.(parse(parts.input, call.input)) ?? [],
    run: async (call) => {
      const answer = await parts.run(parse(parts.input, call.input), call)
      return isAnswer(answer) ? answer : { kind: 'output', output: answer }
    },
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AwsError('SerializationException', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`)
}

function isAnswer(answer: Output | ServiceAnswer): answer is ServiceAnswer {
  return answer['kind'] === 'output' || answer['kind'] === 'bytes'
}
