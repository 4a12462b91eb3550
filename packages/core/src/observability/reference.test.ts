import { expect, it } from 'vitest'
import { metricsReference } from './reference.ts'

it('the reference page of the metrics says what is counted', async () => {
  await expect(metricsReference()).toMatchFileSnapshot('../../../../docs/reference/metrics.md')
})
