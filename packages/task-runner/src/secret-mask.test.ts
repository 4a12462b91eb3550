import { expect, it } from 'vitest'
import { SecretMask } from './secret-mask.ts'

it.each([
  [['abc'], 'an abc and an ABC', 'an *** and an ABC'],
  [['a'], 'a banana', 'a banana'],
  [['pass', 'password'], 'password pass', '*** ***'],
  [['a.c'], 'abc a.c', 'abc ***'],
  [['x"y\\z'], JSON.stringify({ is: 'x"y\\z' }), '{"is":"***"}'],
  [['p&q r'], 'http://me:p%26q%20r@there', 'http://me:***@there'],
  [['-----BEGIN-----\n  line one\nline two\n'], 'a line one b', 'a *** b'],
  [[''], 'nothing', 'nothing'],
])('hides %j', (secrets, text, shown) => {
  const mask = new SecretMask()
  for (const secret of secrets) mask.add(secret)
  expect(mask.hide(text)).toBe(shown)
})
