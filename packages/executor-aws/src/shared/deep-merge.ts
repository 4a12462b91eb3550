/** A value of JSON, where `null` in what is merged in says "without". */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }

type JsonObject = { readonly [key: string]: Json | undefined }

/** Lists whose elements have names, by the name of the list: they are merged by it, and not replaced as a whole. */
export type NamedLists = Readonly<Record<string, string>>

/**
 * Lays one layer of options over another. Objects are merged key by key, lists named in `named` element by element, and
 * everything else is replaced; `null` deletes. Neither argument is changed, and the answer shares nothing with them.
 */
export function deepMerge(below: Json, above: Json | undefined, named: NamedLists = {}): Json {
  return merged(below, above, named, '') ?? {}
}

function merged(below: Json | undefined, above: Json | undefined, named: NamedLists, at: string): Json | undefined {
  if (above === undefined) return below === undefined ? undefined : withoutNulls(below)
  if (above === null) return undefined
  if (isObject(above)) return mergedObjects(isObject(below) ? below : {}, above, named)
  const nameKey = named[at]
  if (!isList(above) || nameKey === undefined) return withoutNulls(above)
  return mergedLists(isList(below) ? below : [], above, { named, nameKey })
}

function mergedObjects(base: JsonObject, above: JsonObject, named: NamedLists): Json {
  const keys = new Set([...Object.keys(base), ...Object.keys(above)])
  return Object.fromEntries(
    [...keys].flatMap((key) => {
      const value = merged(base[key], above[key], named, key)
      return value === undefined ? [] : [[key, value]]
    }),
  )
}

function mergedLists(
  below: readonly Json[],
  above: readonly Json[],
  { named, nameKey }: { readonly named: NamedLists; readonly nameKey: string },
): Json {
  const nameOf = (element: Json): Json | undefined => (isObject(element) ? element[nameKey] : undefined)
  const kept = below.map((element) => {
    const over = above.findLast((one) => nameOf(one) === nameOf(element))
    return merged(element, over, named, '') ?? {}
  })
  const names = new Set(below.map(nameOf))
  const added = above.filter((element) => !names.has(nameOf(element))).map(withoutNulls)
  return [...kept, ...added]
}

function withoutNulls(value: Json): Json {
  if (isList(value)) return value.map(withoutNulls)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) =>
      one === null || one === undefined ? [] : [[key, withoutNulls(one)]],
    ),
  )
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value)
}
