/** What a task needs of the rest of its worker, beside slots: implemented in ../output and ../input. */
import type { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import type { TaskId } from '../../common/ids.ts';
import type { PlanFragment, RemoteSource } from '../../common/plan/plan-fragment.ts';
import type { OutputLocation } from '../../common/plan/split.ts';
import type { OutputBuffers, OutputBufferStatus } from '../../common/task/output-buffers.ts';
import type { TaskUpdate } from '../../common/task/task-status.ts';
import type { FragmentSlots } from './fragment-slot.ts';

/** All outputs of one task. */
export interface TaskOutput {
  /** One per output of the fragment; older versions are ignored. @throws EngineError for a broken contract. */
  declareBuffers(outputs: readonly OutputBuffers[]): void;
  /** Never refuses a page. After `finish`, `destroy` or `abort` pages are dropped. */
  addPage(page: OutputPage): void;
  /** A promise for when more pages are welcome; `undefined`: they are now. */
  room(): Promise<void> | undefined;
  /** No more pages: readers see the end behind the last one. */
  finish(): void;
  /** Nobody needs the pages: readers see the end at once. */
  destroy(): void;
  /** The pages are no result: readers never see an end. */
  abort(): void;
  /** What keeps it from taking pages, and so its task from ending well. */
  readonly failure: unknown;
  /** All buffers are read to their end, or destroyed, or stored. */
  readonly isFinished: boolean;
  /** Bytes of stored outputs that are on disk now. */
  readonly storedBytes: number;
  readonly statuses: readonly OutputBufferStatus[];
}

export interface OutputPage {
  /** Position in the fragment's `outputs`. */
  readonly outputIndex: number;
  readonly partition: number;
  readonly page: Page;
  readonly rowCount: number;
}

/** A remote source of one task: pages of all its producers, received whether or not the task runs. */
export interface TaskInput {
  addLocation(location: OutputLocation): void;
  noMoreLocations(): void;
  /** All pages of all producers are here. */
  readonly isComplete: boolean;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Bytes of pages that went to disk. */
  readonly spilledBytes: number;
  /** The next page, the caller's own; `undefined` after the last. */
  readPage(): Promise<Page | undefined>;
  /** The next `readPage` gives the first page again. */
  rewind(): void;
  /** Frees everything and tells the producers that nothing more is needed. */
  close(): void;
}

export interface TaskInputListener {
  /** `isComplete` or a count changed. */
  onChange(): void;
  onFailure(error: EngineError): void;
}

export interface TaskInputRequest {
  readonly update: TaskUpdate;
  readonly source: RemoteSource;
  /** Pages are read more than once: keep them. */
  readonly isReread: boolean;
}

export interface TaskPorts {
  readonly slots: FragmentSlots;
  createOutput(update: TaskUpdate, fragment: PlanFragment, onChange: () => void): TaskOutput;
  createInput(request: TaskInputRequest, listener: TaskInputListener): TaskInput;
  /** Lets go of the stored outputs of a task, which may have ended long ago. Repeating it is harmless. */
  releaseOutput(taskId: TaskId): void;
  /** Lets go of the stored outputs of all tasks. */
  releaseAllOutputs(): void;
}
