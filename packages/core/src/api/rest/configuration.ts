import { z } from 'zod'
import { listConfig, nearestName, type ConfigRow } from '../../config/index.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { notFound } from '../problem.ts'

const configSchema = z
  .object({
    sections: z.array(
      z
        .object({
          name: z.string(),
          options: z.array(z.object({ key: z.string(), value: z.string() }).meta({ id: 'ConfigOption' })),
        })
        .meta({ id: 'ConfigSection' }),
    ),
  })
  .meta({ id: 'Config' })

/** Routes of the configuration in force; secrets are hidden. */
export const configurationRoutes: Routes = (app, context) => {
  app.get(
    '/config',
    {
      schema: {
        tags: ['Config'],
        querystring: z.object({ section: z.string().optional() }),
        response: { 200: configSchema },
      },
    },
    ({ query }) => {
      const rows = listConfig(context.config)
      if (query.section === undefined) return Promise.resolve(toWire(rows))
      return Promise.resolve(toWire(rowsOf(context, query.section)))
    },
  )
  app.get(
    '/config/section/:section/option/:option',
    {
      schema: {
        tags: ['Config'],
        params: z.object({ section: z.string(), option: z.string() }),
        response: { 200: configSchema },
      },
    },
    ({ params }) => {
      const rows = rowsOf(context, params.section)
      const row = rows.find(({ key }) => key === params.option)
      if (row === undefined) {
        const nearest = nearestName(
          params.option,
          rows.map(({ key }) => key),
        )
        throw notFound(`option of section "${params.section}"`, params.option, `Did you mean "${nearest ?? ''}"?`)
      }
      return Promise.resolve(toWire([row]))
    },
  )
}

function rowsOf(context: ApiContext, section: string): readonly ConfigRow[] {
  const all = listConfig(context.config)
  const rows = all.filter((row) => row.section === section)
  if (rows.length > 0) return rows
  const nearest = nearestName(section, [...new Set(all.map((row) => row.section))])
  throw notFound('section', section, `Did you mean "${nearest ?? ''}"?`)
}

function toWire(rows: readonly ConfigRow[]): z.infer<typeof configSchema> {
  const names = [...new Set(rows.map(({ section }) => section))]
  return {
    sections: names.map((name) => ({
      name,
      options: rows.filter(({ section }) => section === name).map(({ key, value }) => ({ key, value })),
    })),
  }
}
