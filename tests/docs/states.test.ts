import { expect, it } from 'vitest'
import { statesPage } from './states-page.ts'

it('the reference page of states says what the protocol allows', async () => {
  await expect(statesPage()).toMatchFileSnapshot('../../docs/reference/states.md')
})
