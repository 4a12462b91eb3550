// A Python with moto's server, a second opinion of AWS, and with botocore, which brings AWS's own service models along.
// As a command: `find` says where one is, or why there is none; `requirements` prints what to install into an environment.
import { spawnSync } from 'node:child_process'

const MOTO = '5.2.1'
const BOTOCORE = '1.43.11'
const REQUIREMENTS = [`moto[server]==${MOTO}`, `botocore==${BOTOCORE}`]
const SCRIPT = `
import os, botocore, moto, moto.server
print(moto.__version__, botocore.__version__, os.path.join(os.path.dirname(botocore.__file__), "data"))
`

if (process.argv[2] === 'requirements') console.log(REQUIREMENTS.join('\n'))
if (process.argv[2] === 'find') find()

/** Finds one: FAIRLEAD_MOTO_PYTHON, or python3. Throws with the remedy where it has not what is needed. */
export function findMoto() {
  const python = process.env['FAIRLEAD_MOTO_PYTHON'] ?? 'python3'
  const { status, stdout, error } = spawnSync(python, ['-c', SCRIPT], { encoding: 'utf8' })
  if (error !== undefined) throw new Error(`${python} does not run: ${error.message}. ${remedy()}`)
  if (status !== 0) throw new Error(`${python} has no moto. ${remedy()}`)
  const [moto, botocore, models] = stdout.trim().split(' ')
  if (moto !== MOTO || botocore !== BOTOCORE)
    throw new Error(`${python} has moto ${moto} and botocore ${botocore}. ${remedy()}`)
  return { python, models }
}

function remedy() {
  const quoted = REQUIREMENTS.map((one) => `"${one}"`).join(' ')
  return `Install ${quoted} into a virtual environment, and name its python in FAIRLEAD_MOTO_PYTHON.`
}

function find() {
  try {
    console.log(findMoto().python)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
