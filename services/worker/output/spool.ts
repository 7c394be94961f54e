/** Where outputs lie that survive their worker (retention `spooled`, F27): a place that all workers can read. */
import type { OpenPageFile, PageFile, PageLists } from './page-file.ts';

export interface Spool {
  /**
   * A file for one output of one attempt. Others find it once it is sealed, whatever becomes of this worker, until somebody
   * removes it; what is removed before that is never found. Removing it twice is harmless.
   */
  readonly openPageFile: OpenPageFile;
  /** A sealed one. @throws EngineError OUTPUT_PAGE_LOST when there is none */
  find(name: string): Promise<SpooledFile>;
}

export interface SpooledFile extends Pick<PageFile, 'read'> {
  readonly lists: PageLists;
}

/** `task`: as it is written. An attempt's outputs lie where its id says, so nobody needs to be told of the place. */
export function storedFileName(task: string, outputIndex: number): string {
  return `${task}.${outputIndex}`;
}
