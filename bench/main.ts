import { parseArgs } from 'node:util'
import { ecsDoubleScene, ecsScene } from './ecs.ts'
import { latencyScene } from './latency.ts'
import { schedulerScene } from './scheduler.ts'
import { startScene } from './start.ts'

/** `npm run bench -- NAME [--db sqlite|postgres] [--repeat N] [--sizes 1000,10000]`: the last line is one JSON. */

const SCENES = {
  scheduler: schedulerScene,
  latency: latencyScene,
  start: startScene,
  ecs: ecsScene,
  'ecs-double': ecsDoubleScene,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    db: { type: 'string', default: 'sqlite' },
    repeat: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '1000,10000,100000' },
  },
})

// Node 20 decodes every certificate that this names at each start, 70 ms; neither we nor peers are to be measured by it.
delete process.env['NODE_EXTRA_CA_CERTS']

const scene = Object.entries(SCENES).find(([name]) => name === positionals[0])?.[1]
if (scene === undefined || (values.db !== 'sqlite' && values.db !== 'postgres')) {
  console.error(`Usage: npm run bench -- ${Object.keys(SCENES).join('|')} [--db sqlite|postgres] [--repeat N]`)
  process.exitCode = 2
} else {
  const sizes = values.sizes.split(',').map(Number)
  const result = await scene({ engine: values.db, repeat: Number(values.repeat), sizes })
  console.log(JSON.stringify(result))
}
