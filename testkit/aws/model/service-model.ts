import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { ServiceName } from '../wire/service.ts'

/** A service as AWS describes it in machine-readable form: operations, and the shapes that they take and answer. */
export interface ServiceModel {
  readonly metadata: { readonly protocol: string }
  readonly operations: Readonly<Record<string, OperationModel>>
  readonly shapes: Readonly<Record<string, Shape>>
}

/** One operation. */
export interface OperationModel {
  readonly input?: ShapeRef
  readonly output?: ShapeRef & { readonly resultWrapper?: string }
  readonly errors?: readonly ShapeRef[]
}

/** Where a shape is used. */
export interface ShapeRef {
  readonly shape: string
  /** Name on the wire, where it differs from the member's. */
  readonly locationName?: string
  /** Outside of the body. */
  readonly location?: 'uri' | 'querystring' | 'header' | 'headers' | 'statusCode'
}

/** A shape, as far as it says what is valid. */
export type Shape = {
  readonly min?: number
  readonly max?: number
  readonly error?: { readonly code?: string }
} & (
  | {
      readonly type: 'structure'
      readonly members: Readonly<Record<string, ShapeRef>>
      readonly required?: readonly string[]
      /** The member that is the whole body. */
      readonly payload?: string
      readonly exception?: boolean
    }
  | { readonly type: 'list'; readonly member: ShapeRef }
  | { readonly type: 'map'; readonly key: ShapeRef; readonly value: ShapeRef }
  | { readonly type: 'string'; readonly enum?: readonly string[]; readonly pattern?: string }
  | { readonly type: 'integer' | 'long' | 'float' | 'double' | 'boolean' | 'timestamp' | 'blob' }
)

const FOLDERS: Readonly<Record<ServiceName, string>> = {
  ecs: 'ecs/2014-11-13',
  batch: 'batch/2016-08-10',
  lambda: 'lambda/2015-03-31',
  sqs: 'sqs/2012-11-05',
  logs: 'logs/2014-03-28',
  sts: 'sts/2011-06-15',
}

/** The models of every service of the double, from the folder in which botocore keeps them. */
export function loadServiceModels(dataFolder: string): Readonly<Record<ServiceName, ServiceModel>> {
  const names = Object.keys(FOLDERS) as ServiceName[]
  return Object.fromEntries(names.map((name) => [name, load(join(dataFolder, FOLDERS[name]))])) as Record<
    ServiceName,
    ServiceModel
  >
}

function load(folder: string): ServiceModel {
  const file = readdirSync(folder).find((name) => name.startsWith('service-2.json'))
  if (file === undefined) throw new Error(`There is no service model in ${folder}.`)
  const bytes = readFileSync(join(folder, file))
  return JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as ServiceModel
}
