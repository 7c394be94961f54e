/** A spool without a disk: what workers have sealed there is there for all, until it is released or lost. */
import { EngineError } from '../../services/common/error.ts';
import type { TaskId } from '../../services/common/ids.ts';
import { formatTaskId } from '../../services/common/ids.ts';
import type { Page } from '../../services/common/page/page.ts';
import type { PageFile, PageLists, StoredPage } from '../../services/worker/output/page-file.ts';
import type { Spool, SpooledFile } from '../../services/worker/output/spool.ts';

export class MemorySpool {
  readonly #sealed = new Map<string, SpooledFile>();
  /** Tasks: nothing of them is found any more. */
  readonly #released = new Set<string>();
  /** Tasks whose rows are the query's: their loss is beyond the engine. */
  readonly #results = new Set<string>();

  /** As one run of a worker's process sees it: when that is dead, nothing that it has begun goes on. */
  seenBy(isAlive: () => boolean): Spool {
    return {
      openPageFile: (name) => Promise.resolve(this.#createFile(name, isAlive)),
      find: (name) => this.#find(name),
    };
  }

  noteResult(taskId: TaskId): void {
    this.#results.add(formatTaskId(taskId));
  }

  release(taskId: TaskId): void {
    const task = formatTaskId(taskId);
    this.#released.add(task);
    for (const name of this.#sealed.keys()) if (taskOf(name) === task) this.#sealed.delete(name);
  }

  /** One of the outputs between stages is gone; false = there is none. */
  lose(drawBelow: (bound: number) => number): boolean {
    const names = [...this.#sealed.keys()].filter((name) => !this.#results.has(taskOf(name)));
    const name = names[drawBelow(Math.max(1, names.length))];
    return name !== undefined && this.#sealed.delete(name);
  }

  /** Tasks whose outputs are there. */
  held(): readonly string[] {
    return [...new Set([...this.#sealed.keys()].map(taskOf))];
  }

  #find(name: string): Promise<SpooledFile> {
    const file = this.#sealed.get(name);
    if (file !== undefined) return Promise.resolve(file);
    const details = { file: name };
    return Promise.reject(
      new EngineError('OUTPUT_PAGE_LOST', 'it is not in the spool', { details }),
    );
  }

  #createFile(name: string, isAlive: () => boolean): PageFile {
    const pages: Page[] = [];
    return {
      append: async (added) => {
        await untilDead(isAlive);
        return added.map((page) => {
          pages.push(page.slice(0));
          return { position: pages.length - 1, byteLength: page.byteLength, checksum: 0 };
        });
      },
      seal: async (lists) => {
        await untilDead(isAlive);
        const whole = new Map([...lists].map(([list, stored]) => [list, [...stored]]));
        if (!this.#released.has(taskOf(name))) this.#sealed.set(name, sealedFile(pages, whole));
      },
      read: (stored) => readFrom(pages, stored),
      remove: async () => {
        await untilDead(isAlive);
        this.#sealed.delete(name);
      },
    };
  }
}

function sealedFile(pages: readonly Page[], lists: PageLists): SpooledFile {
  return { lists, read: (stored) => readFrom(pages, stored) };
}

function readFrom(pages: readonly Page[], stored: readonly StoredPage[]): Promise<readonly Page[]> {
  return Promise.resolve(
    stored.map(({ position }) => (pages[position] ?? new ArrayBuffer(0)).slice(0)),
  );
}

/** Never returns in a process that is dead. */
async function untilDead(isAlive: () => boolean): Promise<void> {
  if (!isAlive()) await new Promise(() => undefined);
}

/** Of `query.stage.partition.attempt.output`. */
function taskOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'));
}
