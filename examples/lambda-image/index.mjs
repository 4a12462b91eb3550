export { handler } from '@fairlead/executor-aws/lambda/handler'
