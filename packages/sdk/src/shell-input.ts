/** Name of the environment variable that brings a shell task one of its inputs, as JSON. */
export function shellInputVariable(name: string): string {
  return `FAIRLEAD_INPUT_${name.replaceAll(/[^A-Za-z0-9_]/g, '_').toUpperCase()}`
}
