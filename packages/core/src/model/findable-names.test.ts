import { expect, it } from 'vitest'
import { parseExecutorNames } from './executor-names.ts'
import { findableNames } from './findable-names.ts'

const found = (text: string, classNames: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    findableNames(parseExecutorNames(text).map((entry, index) => ({ ...entry, className: classNames[index] ?? '' }))),
  )

it('finds an executor by its text, its module and its class', () => {
  expect(found('near:NearExecutor,far:acme#FarExecutor', ['NearExecutor', 'FarExecutor'])).toEqual({
    NearExecutor: 'near',
    'acme#FarExecutor': 'far',
    acme: 'far',
    FarExecutor: 'far',
  })
})

it('finds nothing by what fits two of them', () => {
  expect(found('a:acme#One,b:acme#Two', ['One', 'Two'])).toEqual({
    'acme#One': 'a',
    One: 'a',
    'acme#Two': 'b',
    Two: 'b',
  })
  expect(found('small:acme#One,big:acme#One', ['One', 'One'])).toEqual({})
})

it('leaves a name to the executor that bears it', () => {
  expect(found('One:acme#Two,x:other#One', ['Two', 'One'])).toEqual({
    'acme#Two': 'One',
    acme: 'One',
    Two: 'One',
    'other#One': 'x',
    other: 'x',
  })
})
