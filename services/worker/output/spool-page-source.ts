/** Reads spooled outputs: not from their workers, which may be gone, but from the spool. */
import { EngineError } from '../../common/error.ts';
import type {
  BufferAddress,
  PageReply,
  PageRequest,
  PageSource,
} from '../../common/exchange/page-source.ts';
import { formatTaskId } from '../../common/ids.ts';
import { pagesUpTo } from './page-file.ts';
import { storedFileName } from './spool.ts';
import type { Spool, SpooledFile } from './spool.ts';

/** What a read finds is whole, or it fails with OUTPUT_PAGE_LOST; acknowledging and destroying free nothing. */
export class SpoolPageSource implements PageSource {
  readonly #spool: Spool;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  async fetchPages(
    { location }: BufferAddress,
    { token, maxBytes }: PageRequest,
    signal: AbortSignal,
  ): Promise<PageReply> {
    const { taskId, outputIndex, bufferId } = location;
    const name = storedFileName(formatTaskId(taskId), outputIndex);
    const file: SpooledFile = await this.#spool.find(name);
    signal.throwIfAborted();
    const all = file.lists.get(bufferId);
    if (all === undefined)
      throw new EngineError('PERMISSION_DENIED', `output buffer ${bufferId} was not declared`);
    if (token > all.length)
      throw new EngineError('TASK_MISMATCH', `page ${token} of ${all.length} is asked for`);
    const wanted = pagesUpTo(maxBytes, all, token);
    const pages = await file.read(wanted);
    return { token, pages, complete: token + wanted.length === all.length, isOwned: true };
  }

  acknowledge(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}
