/** An object as elements of XML, as the query protocol answers. */
export function xmlOf(root: string, content: object, namespace: string): string {
  return `<${root} xmlns="${namespace}">${childrenOf(content)}</${root}>`
}

function childrenOf(content: object): string {
  return Object.entries(content)
    .map(
      ([name, value]) => `<${name}>${typeof value === 'object' ? childrenOf(value as object) : text(value)}</${name}>`,
    )
    .join('')
}

function text(value: unknown): string {
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
