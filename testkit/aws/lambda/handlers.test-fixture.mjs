// Handlers of the tests beside it.
import { writeFileSync } from 'node:fs'

let calls = 0

export async function handler(event, context) {
  calls += 1
  switch (event.do) {
    case 'echo':
      console.log(`serving ${event.value}`)
      return { value: event.value, calls, remains: context.getRemainingTimeInMillis() > 0 }
    case 'fail':
      throw new TypeError('the handler failed')
    case 'exit':
      process.exit(3)
    case 'hang':
      return await new Promise((resolve) => setTimeout(resolve, 60_000))
    case 'leave':
      setTimeout(() => writeFileSync(event.file, 'went on'), 20)
      return 'left something behind'
    case 'environment':
      return process.env
    default:
      return null
  }
}
