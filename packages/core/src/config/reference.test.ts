import { expect, it } from 'vitest'
import { configurationReference } from './reference.ts'

it('the reference page of the configuration says what the schema says', async () => {
  await expect(configurationReference()).toMatchFileSnapshot('../../../../docs/reference/configuration.md')
})
