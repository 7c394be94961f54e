/** What a stored output needs of the disk; implemented in ../spill. */
import type { Page } from '../../common/page/page.ts';

/** Where a page is in its file, and how to tell that it is still the same. */
export interface StoredPage {
  readonly position: number;
  readonly byteLength: number;
  readonly checksum: number;
}

/** The pages of one output, one behind the other. Calls of `append` do not overlap; reads may, with everything. */
export interface PageFile {
  /** @throws EngineError OUT_OF_DISK, or INTERNAL_ERROR when the disk fails otherwise */
  append(pages: readonly Page[]): Promise<readonly StoredPage[]>;
  /** Nothing more is appended. @throws EngineError as `append` does: what was written may not be there */
  seal(): Promise<void>;
  /** Pages of their own memory. @throws EngineError OUTPUT_PAGE_LOST when one of them is gone or damaged */
  read(pages: readonly StoredPage[]): Promise<readonly Page[]>;
  /** Removes the file; never fails: what cannot be removed goes with the worker's directory. */
  remove(): Promise<void>;
}

/** `name` is good for a file name and unique among those that are there. */
export type OpenPageFile = (name: string) => Promise<PageFile>;
