import {
  EXECUTOR_BRAND,
  EXECUTOR_CONTRACT_VERSION,
  CapableClass,
  type BufferedEvent,
  type CallbackRequest,
  type Executor,
  type ExecutorHost,
  type SyncOptions,
  type WorkloadOptions,
} from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Passes every call on to a good executor: for breaking members that `BaseExecutor` keeps final. */
export class DelegatingExecutor extends CapableClass implements Executor {
  static override readonly supportsAdoption: boolean = OutsideExecutor.supportsAdoption
  static override readonly supportsCancel: boolean = OutsideExecutor.supportsCancel
  static override readonly servesLiveLogs: boolean = OutsideExecutor.servesLiveLogs
  static override readonly isLocal: boolean = OutsideExecutor.isLocal
  static override readonly maxPayloadBytes: number | null = OutsideExecutor.maxPayloadBytes
  static override readonly configSchema = OutsideExecutor.configSchema
  static override readonly executorConfigSchema = OutsideExecutor.executorConfigSchema

  declare readonly [EXECUTOR_BRAND]: number
  readonly syncIntervalMs: number | null
  protected readonly inner: OutsideExecutor

  constructor(host: ExecutorHost) {
    super()
    this.inner = new OutsideExecutor(host)
    this.syncIntervalMs = this.inner.syncIntervalMs
  }

  static {
    Object.defineProperty(this.prototype, EXECUTOR_BRAND, { value: EXECUTOR_CONTRACT_VERSION })
  }

  get name(): string {
    return this.inner.name
  }

  get parallelism(): number {
    return this.inner.parallelism
  }

  get slotsOccupied(): number {
    return this.inner.slotsOccupied
  }

  get slotsAvailable(): number {
    return this.inner.slotsAvailable
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.inner.start(signal)
  }

  async heartbeat(signal?: AbortSignal): Promise<void> {
    await this.inner.heartbeat(signal)
  }

  queueWorkload(workload: Workload, options: WorkloadOptions): void {
    this.inner.queueWorkload(workload, options)
  }

  async processWorkloads(signal: AbortSignal): Promise<void> {
    await this.inner.processWorkloads(signal)
  }

  async sync(options: SyncOptions): Promise<void> {
    await this.inner.sync(options)
  }

  getEventBuffer(): readonly BufferedEvent[] {
    return this.inner.getEventBuffer()
  }

  acknowledgeEvents(place: number): void {
    this.inner.acknowledgeEvents(place)
  }

  hasTask(dispatchId: DispatchId): boolean {
    return this.inner.hasTask(dispatchId)
  }

  async tryAdoptTaskInstances(
    refs: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    return await this.inner.tryAdoptTaskInstances(refs, signal)
  }

  async revokeTask(ref: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    await this.inner.revokeTask(ref, signal)
  }

  async sendCallback(request: CallbackRequest): Promise<void> {
    await this.inner.sendCallback(request)
  }

  async getTaskLog(ref: TaskInstanceRef, tryNumber: number): Promise<AsyncIterable<string> | null> {
    return await this.inner.getTaskLog(ref, tryNumber)
  }

  async end(signal: AbortSignal): Promise<void> {
    await this.inner.end(signal)
  }

  async terminate(): Promise<void> {
    await this.inner.terminate()
  }

  crash(): void {
    this.inner.crash()
  }
}
