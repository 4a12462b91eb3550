/** Names that processes of different builds agree on. */

/** The one date of Airflow's Task Execution API that Fairlead speaks. */
export const EXECUTION_API_VERSION = '2025-09-23'

/** Version of the contract between server and task runner; `/run` refuses another. */
export const RUNNER_CONTRACT_VERSION = 1

/** Response header that carries a renewed session token (Airflow's name). */
export const REFRESHED_TOKEN_HEADER = 'refreshed-api-token'

/** Request header in which a runner states its contract version. */
export const RUNNER_CONTRACT_HEADER = 'fairlead-runner-contract'

/** Request header with the nonce that binds a launch ticket to its first redeemer. */
export const NONCE_HEADER = 'fairlead-nonce'

/** Map index of a task instance that is not mapped. */
export const UNMAPPED = -1

/** XCom key of a task's return value (Airflow's name). */
export const RETURN_VALUE_KEY = 'return_value'

/** Queue of a task that names none. */
export const DEFAULT_QUEUE = 'default'
