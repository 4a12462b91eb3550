import { batchProfileSchema, type BatchProfile, type BatchSettings } from './batch-settings.ts'
import { mergeProfiles } from './submit-request.ts'

/** What the settings say of every job, less what they say of the executor itself. */
export function profileOfSettings(settings: BatchSettings): BatchProfile {
  const names = Object.keys(batchProfileSchema.shape)
  return Object.fromEntries(Object.entries(settings).filter(([name]) => names.includes(name)))
}

/** Every profile that a task can come to without a word of its own: that of the settings, and one for each queue. */
export function allProfiles(settings: BatchSettings): readonly BatchProfile[] {
  const base = profileOfSettings(settings)
  return [base, ...Object.values(settings.queues ?? {}).map((profile) => mergeProfiles([base, profile]))]
}

/** The job queues of all profiles. */
export function jobQueuesOf(settings: BatchSettings): readonly string[] {
  const queues = allProfiles(settings).map(({ jobQueue }) => jobQueue)
  return [...new Set(queues.filter((queue) => queue !== undefined))]
}
