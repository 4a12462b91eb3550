import * as sdk from '@fairlead/sdk'
import { DAGS_SLOT, REQUIRE_SLOT, SDK_SLOT, readSlot, writeSlot } from '@fairlead/sdk/runtime'
import { createExternalResolver } from './external-packages.ts'

/** What a bundle may look for on this machine. */
export interface SdkInstallation {
  /** Where packages with native code are looked for after the folders that the bundle's manifest names. */
  readonly cwd: string
}

/**
 * Puts what bundles expect on `globalThis`: the SDK that their imports resolve to, the loader of packages with native
 * code, and the list to which Dags add themselves. To be called before the first bundle is imported.
 */
export function installSdk(installation: SdkInstallation): void {
  writeSlot(SDK_SLOT, sdk)
  writeSlot(REQUIRE_SLOT, createExternalResolver(installation.cwd))
  if (readSlot<unknown[]>(DAGS_SLOT) === undefined) writeSlot(DAGS_SLOT, [])
}
