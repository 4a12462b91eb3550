// The process of one execution environment: loads the handler once, and calls it with each event that the double sends.
import { pathToFileURL } from 'node:url'

const [handlerPath, handlerExport] = process.argv.slice(2)

process.on('message', ({ id, event, deadline, functionName, functionArn }) => {
  void invoke(id, event, {
    awsRequestId: id,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: functionArn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  })
})

async function invoke(id, event, context) {
  try {
    const module = await import(pathToFileURL(handlerPath).href)
    const answer = await module[handlerExport](event, context)
    process.send({ id, kind: 'answered', payload: JSON.stringify(answer ?? null) })
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : { name: 'Error', message: String(error) }
    process.send({ id, kind: 'failed', errorType: name, errorMessage: message, trace: String(stack).split('\n') })
  }
}
