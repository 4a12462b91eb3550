import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { ClientSettings } from './client-settings.ts'

/** What every client of the SDK is made with. */
export interface ClientConfig {
  readonly region?: string
  readonly profile?: string
  readonly endpoint?: string
  readonly credentials: () => Promise<Credentials>
  readonly maxAttempts: number
  readonly requestHandler: {
    readonly connectionTimeout: number
    readonly requestTimeout: number
    readonly throwOnRequestTimeout: boolean
  }
}

/** What a request is signed with. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** When to ask for new ones. */
  readonly expiration?: Date
}

/**
 * Configuration for a client. The SDK repeats nothing by itself, since our own policy knows what a repeat may cost; and
 * its default of waiting for ever is not ours.
 */
export function clientConfig(settings: ClientSettings): ClientConfig {
  const { region, profile, endpoint, connectTimeoutMs, requestTimeoutMs } = settings
  const config = {
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  }
  // Files are read anew by each client: what was renewed on disk is seen without a restart.
  const own = defaultProvider({ ...(profile === undefined ? {} : { profile }), ignoreCache: true })
  const { assumeRoleArn } = settings
  if (assumeRoleArn === undefined) return { ...config, credentials: own }
  const sts = new STSClient({ ...config, credentials: own })
  return { ...config, credentials: () => assumeRole(sts, assumeRoleArn, settings.assumeRoleExternalId) }
}

async function assumeRole(sts: STSClient, roleArn: string, externalId: string | undefined): Promise<Credentials> {
  const { Credentials: given } = await asked(
    sts.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: 'fairlead',
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
      }),
    ),
    roleArn,
  )
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {}
  if (AccessKeyId === undefined || SecretAccessKey === undefined)
    throw new RoleRefused(roleArn, 'STS gave no credentials')
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
    ...(Expiration === undefined ? {} : { expiration: Expiration }),
  }
}

/** A role that cannot be taken is trouble with credentials, whatever STS calls it; an outage of STS stays what it is. */
async function asked<T>(answer: Promise<T>, roleArn: string): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const isRefusal = error instanceof Error && '$fault' in error && error.$fault === 'client'
    throw isRefusal ? new RoleRefused(roleArn, error.message, error) : error
  }
}

class RoleRefused extends Error {
  constructor(roleArn: string, detail: string, cause?: unknown) {
    super(`The role ${roleArn} cannot be assumed: ${detail}`, { cause })
    // The name by which the SDK itself says that it has no credentials.
    this.name = 'CredentialsProviderError'
  }
}
