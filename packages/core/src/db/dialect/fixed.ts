/** Marks a statement of fixed text, which is worth preparing. */
export const FIXED = '/* fixed */'
