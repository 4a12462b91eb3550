/** Variables that a process of the double has of itself. The mark of a test file lets what it leaks be found. */
export function ownEnvironment(folder: string): Record<string, string> {
  const { PATH = '/usr/local/bin:/usr/bin:/bin', FAIRLEAD_TEST_MARK } = process.env
  return { PATH, TMPDIR: folder, ...(FAIRLEAD_TEST_MARK === undefined ? {} : { FAIRLEAD_TEST_MARK }) }
}
