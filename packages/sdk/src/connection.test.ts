import { describe, expect, it } from 'vitest'
import { ConnectionTextError, parseConnection } from './connection.ts'

const NOTHING = { description: null, host: null, login: null, password: null, schema: null, port: null, extra: {} }

describe('a connection', () => {
  it.each([
    [
      'postgresql://ada:s%40fe@db.example:5432/sales?sslmode=require',
      {
        connType: 'postgres',
        host: 'db.example',
        login: 'ada',
        password: 's@fe',
        schema: 'sales',
        port: 5432,
        extra: { sslmode: 'require' },
      },
    ],
    ['google-cloud-platform://', { connType: 'google_cloud_platform' }],
    ['http://example.test', { connType: 'http', host: 'example.test' }],
    ['http://[::1]:8080', { connType: 'http', host: '[::1]', port: 8080 }],
    ['redis://:word@cache/0', { connType: 'redis', host: 'cache', password: 'word', schema: '0' }],
    ['aws://?__extra__=%7B%22region%22%3A%22eu%22%7D', { connType: 'aws', extra: { region: 'eu' } }],
    [
      '{"conn_type":"http","host":"h","port":"80","extra":{"a":1}}',
      { connType: 'http', host: 'h', port: 80, extra: { a: 1 } },
    ],
    ['{"conn_type":"http","extra":"{\\"a\\":1}"}', { connType: 'http', extra: { a: 1 } }],
  ])('is read from %s', (text, expected) => {
    expect(parseConnection('x', text)).toEqual({ connectionId: 'x', ...NOTHING, ...expected })
  })

  it.each([
    '',
    'just words',
    '{"host":"h"}',
    '{"conn_type":"http","port":"many"}',
    '{oops',
    'a://%zz:secret@h',
    '{"conn_type":"a","host":1}',
  ])('is refused as %j, and the text not repeated', (text) => {
    expect(() => parseConnection('x', text)).toThrow(ConnectionTextError)
    expect(() => parseConnection('x', text)).toThrow(/^Connection "x" cannot be read: (?!.*secret)/)
  })
})
