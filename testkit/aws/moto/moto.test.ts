import { expect, it, describe } from 'vitest'
import { MOTO_COMMAND, motoPython, needsService } from '../../services.ts'
import { startAwsDouble } from '../index.ts'
import { destroy, placeOnDouble } from '../model/place.ts'
import { sendRequestSet, type Outcome } from '../model/send-request-set.ts'
import { differencesBetween, type Differences } from './differences.ts'
import listed from './known-differences.json' with { type: 'json' }
import { startMoto } from './moto-server.ts'
import { placeOnMoto } from './place-on-moto.ts'

const python = motoPython()

describe.skipIf(python === null)(needsService('moto', python, MOTO_COMMAND), () => {
  it('answers as the double does, but for differences that are listed with their reason', async () => {
    const [ours, theirs] = await Promise.all([askDouble(), askMoto()])
    const differences = differencesBetween(ours, theirs)
    expect(fieldsOf(differences)).toEqual(fieldsOf(listed))
  }, 120_000)

  it('differs for reasons that are given', () => {
    for (const [operation, fields] of Object.entries(listed as Differences))
      for (const [field, reason] of Object.entries(fields))
        expect(reason, `${operation} ${field}`).toMatch(/^\S.{15,}\.$/)
  })
})

async function askDouble(): Promise<readonly Outcome[]> {
  const double = await startAwsDouble()
  const place = placeOnDouble(double)
  try {
    return await sendRequestSet(place)
  } finally {
    destroy(place)
    await double.close()
  }
}

async function askMoto(): Promise<readonly Outcome[]> {
  const moto = await startMoto(python ?? '')
  const place = await placeOnMoto(moto.url)
  try {
    return await sendRequestSet(place)
  } finally {
    destroy(place)
    await moto.close()
  }
}

function fieldsOf(differences: Differences): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(differences).map(([operation, fields]) => [operation, Object.keys(fields).toSorted()]),
  )
}
