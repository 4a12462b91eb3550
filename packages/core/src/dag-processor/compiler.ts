import type { BuildOptions, BuildResult } from 'esbuild'

type Esbuild = Pick<typeof import('esbuild'), 'build' | 'stop'>

/** esbuild, loaded when first needed: loading it takes longer than compiling a file, and a start may find all compiled. */
export class Compiler {
  #esbuild: Promise<Esbuild> | null = null

  async build(options: BuildOptions): Promise<BuildResult> {
    this.#esbuild ??= import('esbuild')
    const { build } = await this.#esbuild
    return build(options)
  }

  /** Ends esbuild's process, which holds memory; the next build starts it again. */
  async rest(): Promise<void> {
    const esbuild = await this.#esbuild
    await esbuild?.stop()
  }
}
