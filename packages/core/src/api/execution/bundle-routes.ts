import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { constants } from 'node:fs'
import type { BundleManifest } from '@fairlead/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { findBundleHashOfRun } from '../../db/queries/attempts.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { attemptOf, refuseUnlessOpen, refuseUnlessQueued } from './attempt-of.ts'
import { Refusal } from './refusal.ts'
import { openStoredBundles } from './stored-bundles.ts'
import { workerOf } from './worker-token.ts'

const path = z.object({ hash: z.string().regex(/^[\w-]{1,128}$/) })
const filePath = path.extend({ '*': z.string() })

/** Routes by which a worker without the bundles folder gets the code of its own attempt. */
export const bundleRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { bundles: folder } = context.config.paths
  const bundles = openStoredBundles(folder)

  app.get('/bundles/:hash', { schema: { params: path } }, async (request): Promise<BundleManifest> => {
    await refuseForeignBundle(request, context, request.params.hash)
    return manifestOf(request.params.hash)
  })

  app.get('/bundles/:hash/files/*', { schema: { params: filePath } }, async (request, reply) => {
    const { hash, '*': wanted } = request.params
    await refuseForeignBundle(request, context, hash)
    // Only what the manifest lists is there to be had, so no path leads out of the folder.
    const file = (await manifestOf(hash)).files.find((one) => one.path === wanted)
    if (file === undefined) throw new Refusal(404, 'not_found', `The bundle has no file "${wanted}".`)
    const handle = await open(join(folder, hash, file.path), constants.O_RDONLY | constants.O_NOFOLLOW)
    const { size } = await handle.stat()
    return reply
      .type('application/octet-stream')
      .header('content-length', size)
      .send(handle.createReadStream({ start: 0, end: Math.max(0, size - 1) }))
  })

  async function manifestOf(hash: string): Promise<BundleManifest> {
    const manifest = await bundles.manifestOf(hash)
    if (manifest !== null) return manifest
    throw new Refusal(
      404,
      'not_found',
      `This server does not have bundle ${hash}. It must see the folder in which the Dag processor keeps them (${folder}).`,
    )
  }
}

/** A token is good for the bundle that its own attempt runs, and no other. */
async function refuseForeignBundle(request: FastifyRequest, context: WorkerApiContext, hash: string): Promise<void> {
  const { subject, scope } = await workerOf(request, context, 'any')
  const { database } = context.moves
  const attempt = await attemptOf(database, subject)
  const { run_key: runKey } = scope === 'workload' ? refuseUnlessQueued(attempt) : refuseUnlessOpen(attempt)
  if ((await findBundleHashOfRun(database.read, runKey)) !== hash) {
    throw new Refusal(403, 'wrong_bundle', 'The token speaks for an attempt that runs another bundle.')
  }
}
