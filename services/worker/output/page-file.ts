/** What a stored output needs of a disk, its own (../spill) or one that all workers share (spool.ts). */
import type { Page } from '../../common/page/page.ts';

/** Where a page is in its file, and how to tell that it is still the same. */
export interface StoredPage {
  readonly position: number;
  readonly byteLength: number;
  readonly checksum: number;
}

/** Pages of an output by list: those of a buffer, or of all. */
export type PageLists = ReadonlyMap<number, readonly StoredPage[]>;

/** The pages of one output, one behind the other. Calls of `append` do not overlap; reads may, with everything. */
export interface PageFile {
  /** @throws EngineError OUT_OF_DISK, or INTERNAL_ERROR when the disk fails otherwise */
  append(pages: readonly Page[]): Promise<readonly StoredPage[]>;
  /**
   * Nothing more is appended; `lists` says which page is whose. @throws EngineError as `append` does: what was written may
   * not be there
   */
  seal(lists: PageLists): Promise<void>;
  /** Pages of their own memory. @throws EngineError OUTPUT_PAGE_LOST when one of them is gone or damaged */
  read(pages: readonly StoredPage[]): Promise<readonly Page[]>;
  /** Removes the file; never fails: what cannot be removed goes with the worker's directory. */
  remove(): Promise<void>;
}

/** `name` is good for a file name and unique among those that are there. */
export type OpenPageFile = (name: string) => Promise<PageFile>;

/** A reply of small pages is cut here, for each is read by itself. */
const MAX_REPLY_PAGES = 64;

/** For one reply: the first pages from `token` on whose sum is within the limit; at least one if there is any. */
export function pagesUpTo(
  maxBytes: number,
  pages: readonly StoredPage[],
  token: number,
): readonly StoredPage[] {
  let bytes = 0;
  let end = token;
  for (; end < Math.min(pages.length, token + MAX_REPLY_PAGES); end += 1) {
    bytes += pages[end]?.byteLength ?? 0;
    if (end > token && bytes > maxBytes) break;
  }
  return pages.slice(token, end);
}
