import type { ServiceModel } from './service-model.ts'

type XmlObject = Record<string, unknown>

/** The content of an XML document's root as an object: elements alone, no attributes, each name once. Numbers where the model has them. */
export function objectOfXml(xml: string, model?: ServiceModel, shapeName?: string): XmlObject {
  const [, content = ''] = /^<[^>]+>(.*)<\/[^>]+>$/s.exec(xml) ?? []
  return childrenOf(content, integerNames(model, shapeName))
}

function childrenOf(content: string, integers: ReadonlySet<string>): XmlObject {
  const children: XmlObject = {}
  for (const [, name = '', inner = ''] of content.matchAll(/<(\w+)>(.*?)<\/\1>/gs)) {
    children[name] = inner.startsWith('<') ? childrenOf(inner, integers) : integers.has(name) ? Number(inner) : inner
  }
  return children
}

function integerNames(model: ServiceModel | undefined, shapeName: string | undefined): ReadonlySet<string> {
  const shape = model?.shapes[shapeName ?? '']
  if (model === undefined || shape?.type !== 'structure') return new Set()
  const names = Object.entries(shape.members).filter(([, ref]) => model.shapes[ref.shape]?.type === 'integer')
  return new Set(names.map(([name]) => name))
}
