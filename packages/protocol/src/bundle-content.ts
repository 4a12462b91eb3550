/** What makes a bundle the version that it is: not its layout, its line numbers, or where it was compiled. */
export interface BundleContent {
  /** SHA-256 of the code without its last line, {@link SOURCE_MAP_LINE}. */
  readonly code: string
  /** SHA-256 of the graphs of its Dags. */
  readonly graph: string
  /** SHA-256 of each asset by its path. */
  readonly assets: Readonly<Record<string, string>>
  /** Versions of packages that are no part of it. */
  readonly externals: Readonly<Record<string, string>>
}

/** The text whose SHA-256 is the hash of a bundle: the same for who makes the bundle and for who checks it. */
export function bundleContentText(content: BundleContent): string {
  return canonicalJson({ formatVersion: 2, ...content })
}

/** JSON in which the keys of every object are in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** The last line of `bundle.mjs`. */
export const SOURCE_MAP_LINE = '//# sourceMappingURL=bundle.mjs.map\n'
