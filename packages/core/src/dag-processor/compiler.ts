import type { BuildOptions, BuildResult } from 'esbuild'

type Esbuild = Pick<typeof import('esbuild'), 'build' | 'stop' | 'transform'>

/** esbuild, loaded when first needed: loading it takes longer than compiling a file, and a start may find all compiled. */
export class Compiler {
  #esbuild: Promise<Esbuild> | null = null

  async build(options: BuildOptions): Promise<BuildResult> {
    const { build } = await this.#load()
    return build(options)
  }

  /** The same code with neither layout nor comments, in which two ways to format one program are equal. */
  async normalise(code: string): Promise<string> {
    const { transform } = await this.#load()
    // Not identifiers: which short names they get depends on the text.
    const options = { minifyWhitespace: true, minifySyntax: true, legalComments: 'none' } as const
    return (await transform(code, { ...options, format: 'esm', target: 'node20', logLevel: 'silent' })).code
  }

  #load(): Promise<Esbuild> {
    this.#esbuild ??= import('esbuild')
    return this.#esbuild
  }

  /** Ends esbuild's process, which holds memory; the next build starts it again. */
  async rest(): Promise<void> {
    const esbuild = await this.#esbuild
    await esbuild?.stop()
  }
}
