import { crashLoop } from './crash-loop.ts'

const kills = Number(process.argv[2] ?? 10)
try {
  await crashLoop(kills, (line) => console.log(line))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
