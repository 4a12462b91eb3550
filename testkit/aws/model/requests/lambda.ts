import * as Lambda from '@aws-sdk/client-lambda'
import { STAGE, type Place, type SetRequest } from '../set-request.ts'

/** Requests to lambda, good and bad. */
export function lambdaRequests(): readonly SetRequest[] {
  const { functionName: FunctionName } = STAGE
  const invoke = (place: Place, more: Partial<Lambda.InvokeCommandInput>): Promise<object> =>
    place.lambda.send(new Lambda.InvokeCommand({ FunctionName, Payload: '{"do":"echo","value":1}', ...more }))
  return [
    {
      operation: 'lambda:GetFunction',
      title: 'get a function',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunction',
      title: 'get a function that is not there',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionCommand({ FunctionName: 'nothing' })),
    },
    {
      operation: 'lambda:GetFunctionConfiguration',
      title: 'get the configuration of a function',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionConfigurationCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunctionEventInvokeConfig',
      title: 'get the settings of its events',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionEventInvokeConfigCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunctionConcurrency',
      title: 'get its reserved concurrency',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionConcurrencyCommand({ FunctionName })),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke a function as an event',
      send: (place) => invoke(place, { InvocationType: 'Event' }),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke a function that is not there',
      send: (place) => invoke(place, { FunctionName: 'nothing', InvocationType: 'Event' }),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke with an event that is too large',
      send: (place) => invoke(place, { InvocationType: 'Event', Payload: JSON.stringify('x'.repeat(1_048_576)) }),
    },
  ]
}
