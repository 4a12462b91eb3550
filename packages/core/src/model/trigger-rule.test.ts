import { TRIGGER_RULES, type TriggerRule } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluateTriggerRule, type TriggerDecision, type UpstreamCounts } from './trigger-rule.ts'

/** Upstreams as letters: s(uccess) f(ailed) u(pstream_failed) k(skipped) r(emoved) .(unfinished); capitals are setups. */
function counts(upstreams: string): UpstreamCounts {
  const count = (letters: string) => [...upstreams].filter((letter) => letters.includes(letter)).length
  return {
    total: upstreams.length,
    success: count('sS'),
    failed: count('fF'),
    upstreamFailed: count('uU'),
    skipped: count('kK'),
    removed: count('rR'),
    setupTotal: count('SFUKR:'),
    setupSuccess: count('S'),
    setupSkipped: count('K'),
  }
}

const TABLE: Record<TriggerRule, Record<string, TriggerDecision>> = {
  all_success: {
    '..': 'wait',
    's.': 'wait',
    ss: 'run',
    'f.': 'upstream_failed',
    'u.': 'upstream_failed',
    'k.': 'skip',
    kf: 'upstream_failed',
    'r.': 'wait',
    rs: 'run',
    rr: 'run',
  },
  all_failed: {
    '..': 'wait',
    'f.': 'wait',
    ff: 'run',
    fu: 'run',
    uu: 'run',
    's.': 'skip',
    'k.': 'skip',
    fs: 'skip',
    fr: 'run',
  },
  all_done: { '..': 'wait', 's.': 'wait', sf: 'run', uk: 'run', kk: 'run', rr: 'run', 'f.': 'wait' },
  all_done_min_one_success: {
    '..': 'wait',
    's.': 'wait',
    'f.': 'wait',
    ss: 'run',
    sf: 'run',
    su: 'run',
    sr: 'run',
    ff: 'upstream_failed',
    uu: 'upstream_failed',
    fr: 'upstream_failed',
    'k.': 'skip',
    sk: 'skip',
    fk: 'skip',
  },
  all_done_setup_success: {
    's.': 'wait',
    'S.': 'wait',
    ':s': 'wait',
    ff: 'run',
    ss: 'run',
    Sf: 'run',
    SF: 'run',
    SK: 'run',
    Ks: 'skip',
    KK: 'skip',
    Fs: 'upstream_failed',
    Us: 'upstream_failed',
    FK: 'upstream_failed',
    Rs: 'upstream_failed',
  },
  all_skipped: {
    '..': 'wait',
    'k.': 'wait',
    kk: 'run',
    's.': 'skip',
    'f.': 'skip',
    'u.': 'skip',
    ks: 'skip',
    kr: 'run',
  },
  one_success: {
    '..': 'wait',
    'f.': 'wait',
    'k.': 'wait',
    's.': 'run',
    sf: 'run',
    ff: 'upstream_failed',
    fk: 'upstream_failed',
    uk: 'upstream_failed',
    kk: 'skip',
    rk: 'upstream_failed',
  },
  one_failed: {
    '..': 'wait',
    's.': 'wait',
    'f.': 'run',
    'u.': 'run',
    sf: 'run',
    ss: 'skip',
    sk: 'skip',
    kk: 'skip',
    rr: 'skip',
  },
  one_done: {
    '..': 'wait',
    's.': 'run',
    'f.': 'run',
    'k.': 'wait',
    'u.': 'wait',
    sk: 'run',
    kk: 'skip',
    uu: 'skip',
    uk: 'skip',
    rr: 'skip',
  },
  none_failed: {
    '..': 'wait',
    's.': 'wait',
    'k.': 'wait',
    ss: 'run',
    sk: 'run',
    kk: 'run',
    'f.': 'upstream_failed',
    'u.': 'upstream_failed',
    kr: 'run',
  },
  none_failed_min_one_success: {
    '..': 'wait',
    's.': 'wait',
    'k.': 'wait',
    ss: 'run',
    sk: 'run',
    kk: 'skip',
    kr: 'skip',
    sr: 'run',
    'f.': 'upstream_failed',
    'u.': 'upstream_failed',
    kf: 'upstream_failed',
  },
  none_skipped: { '..': 'wait', 's.': 'wait', ss: 'run', sf: 'run', uu: 'run', 'k.': 'skip', sk: 'skip', rs: 'run' },
  always: { '..': 'run', 'f.': 'run', kk: 'run', ss: 'run' },
}

describe.each(TRIGGER_RULES)('trigger rule %s', (rule) => {
  it.each(Object.entries(TABLE[rule]))('with upstreams "%s" says %s', (upstreams, decision) => {
    expect(evaluateTriggerRule(rule, counts(upstreams))).toBe(decision)
  })

  it('runs a task without upstreams', () => {
    expect(evaluateTriggerRule(rule, counts(''))).toBe('run')
  })

  it('decides once every upstream is done', () => {
    fc.assert(
      fc.property(upstreamsOf('sfukrSFUKR'), (upstreams) => {
        expect(evaluateTriggerRule(rule, counts(upstreams))).not.toBe('wait')
      }),
    )
  })

  it('never goes back to waiting as upstreams end one by one', () => {
    fc.assert(
      fc.property(upstreamsOf('sfukrSFUKR'), (upstreams) => {
        const waits = endingOneByOne(upstreams).map((now) => evaluateTriggerRule(rule, counts(now)) === 'wait')
        expect(waits).toEqual(waits.toSorted((one, other) => Number(other) - Number(one)))
      }),
    )
  })
})

function upstreamsOf(letters: string): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((upstreams) => upstreams.join(''))
}

/** The upstreams with none, the first, the first two … of them ended. */
function endingOneByOne(upstreams: string): string[] {
  const unfinished = upstreams.replaceAll(/[a-z]/g, '.').replaceAll(/[A-Z]/g, ':')
  return Array.from({ length: upstreams.length + 1 }, (_, ended) => upstreams.slice(0, ended) + unfinished.slice(ended))
}
