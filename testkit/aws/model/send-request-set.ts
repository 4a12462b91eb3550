import { eventually } from '../../eventually.ts'
import { requestSet } from './request-set.ts'
import type { Answers, Place, SetRequest } from './set-request.ts'

/** What came of one request: an answer, or the name of an error. */
export interface Outcome {
  readonly operation: string
  readonly title: string
  readonly error: string | null
  readonly answer: object | null
}

/** Sends every request of the set, in order. */
export async function sendRequestSet(place: Place): Promise<readonly Outcome[]> {
  const answers = new Map<string, object>()
  const outcomes: Outcome[] = []
  for (const request of requestSet()) {
    const outcome = await outcomeOf(request, place, answers)
    if (outcome.answer !== null) answers.set(request.title, outcome.answer)
    outcomes.push(outcome)
  }
  return outcomes
}

async function outcomeOf(request: SetRequest, place: Place, earlier: Answers): Promise<Outcome> {
  const { operation, title, until } = request
  try {
    const answer = await eventually(async () => {
      const sent = await attempt(request, place, earlier)
      return sent instanceof Refused || until === undefined || until(sent) ? { sent } : null
    })
    if (answer.sent instanceof Refused) return { operation, title, error: answer.sent.name, answer: null }
    return { operation, title, error: null, answer: answer.sent }
  } catch (error) {
    throw new Error(`"${title}" came to nothing.`, { cause: error })
  }
}

class Refused {
  readonly name: string

  constructor(error: unknown) {
    this.name = error instanceof Error ? error.name : String(error)
  }
}

async function attempt(request: SetRequest, place: Place, earlier: Answers): Promise<object> {
  try {
    return await request.send(place, earlier)
  } catch (error) {
    return new Refused(error)
  }
}
