import type { PageReply, PageRequest } from '../../common/exchange/page-source.ts';
import type { OutputBufferId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import type {
  OutputBuffers,
  OutputBufferState,
  OutputBufferStatus,
} from '../../common/task/output-buffers.ts';

/** One output of a task: its pages are in memory (OutputBuffer) or in a file (StoredOutput). */
export interface Output {
  readonly state: OutputBufferState;
  readonly status: OutputBufferStatus;
  /** The producer should wait. */
  readonly isFull: boolean;
  /** Nothing is held any more. */
  readonly isGone: boolean;
  /** Takes what is new; older versions change nothing. @throws EngineError INVALID_REQUEST */
  declare(update: OutputBuffers): void;
  /** Never refuses a page; drops it when none are accepted any more. */
  addPage(page: Page, partition: number): void;
  noMorePages(): void;
  read(id: OutputBufferId, request: PageRequest, signal: AbortSignal): Promise<PageReply>;
  acknowledge(id: OutputBufferId, token: number): void;
  /** One reader needs no more. */
  destroyBuffer(id: OutputBufferId): void;
  /** Nobody needs the pages. */
  destroy(): void;
  /** The pages are no result: readers never see an end. */
  abort(): void;
}
