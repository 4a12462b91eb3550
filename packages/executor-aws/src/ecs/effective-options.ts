import { deepMerge, type Json } from '../shared/deep-merge.ts'
import { profileForQueue } from '../shared/profile-for-queue.ts'
import { optionsShape, type EcsOptions } from './options.ts'
import type { EcsSettings } from './settings.ts'

/** What holds for one task, after all layers: nothing in it is null. */
export type EffectiveOptions = { readonly [Key in keyof EcsOptions]?: Exclude<EcsOptions[Key], null> } & {
  readonly cluster: string
  readonly taskDefinition: string
  readonly containerName: string
}

/** What is wrong with the options of a task, or the options. */
export type OptionsAnswer =
  | { readonly kind: 'options'; readonly options: EffectiveOptions }
  | { readonly kind: 'refused'; readonly detail: string }

const NAMED_LISTS = { containers: 'name' }

/** Lays a task's own options over its queue's profile, and that over the settings. Nothing that is given is changed. */
export function effectiveOptions(settings: EcsSettings, queue: string, own: EcsOptions | null): OptionsAnswer {
  const answer = profileForQueue(queue, settings.queues)
  if (answer.kind === 'unknown') return { kind: 'refused', detail: answer.detail }
  const base = Object.fromEntries(Object.entries(settings).filter(([key]) => Object.hasOwn(optionsShape, key)))
  const layers = [base, answer.profile ?? {}, own ?? {}] as readonly Layer[]
  const merged = layers.reduce(lay, {}) as Partial<EffectiveOptions>
  const missing = (['cluster', 'taskDefinition', 'containerName'] as const).find((key) => merged[key] === undefined)
  if (missing !== undefined) return { kind: 'refused', detail: `"${missing}" is null, and no task runs without it.` }
  const problem = problemOf(merged)
  if (problem !== null) return { kind: 'refused', detail: problem }
  return { kind: 'options', options: withoutUseless(merged as EffectiveOptions) }
}

type Layer = { readonly [key: string]: Json }

/** A layer that says how to launch replaces the other way to say it, which a layer below may have used. */
function lay(below: Layer, above: Layer): Layer {
  const replaced = above['launchType']
    ? 'capacityProviderStrategy'
    : above['capacityProviderStrategy']
      ? 'launchType'
      : null
  const kept = Object.fromEntries(Object.entries(below).filter(([key]) => key !== replaced))
  return deepMerge(kept, above, NAMED_LISTS) as Layer
}

function problemOf({ network, containers, tags }: Partial<EffectiveOptions>): string | null {
  if (network !== undefined && Object.keys(network).length > 0 && !network.subnets) {
    return '"network" names no subnets. Name one at least.'
  }
  const names = (containers ?? []).map((container) => container.name)
  const twice = names.find((one, index) => names.indexOf(one) !== index)
  if (twice !== undefined) return `"containers" names "${twice}" twice.`
  if (Object.keys(tags ?? {}).length > MOST_TAGS) return `There are more than ${MOST_TAGS} tags.`
  return null
}

/** ECS refuses a platform version where there is no Fargate. */
function withoutUseless(options: EffectiveOptions): EffectiveOptions {
  const { platformVersion, ...rest } = options
  const isFargate = options.launchType === undefined || options.launchType === 'FARGATE'
  return isFargate && platformVersion !== undefined ? { ...rest, platformVersion } : rest
}

/** ECS takes 50, six of which are Fairlead's. */
const MOST_TAGS = 44
