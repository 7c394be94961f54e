/** How the pages of one output reach its readers (T10). A router sees declared buffers only. */
import { assert } from '../../common/assert.ts';
import type { OutputBufferId } from '../../common/ids.ts';
import type { OutputBufferKind } from '../../common/task/output-buffers.ts';
import type { ClientBuffer, SharedPages } from './client-buffer.ts';
import { upTo } from './client-buffer.ts';
import type { HeldPage } from './held-page.ts';

export interface PageRouter {
  addBuffer(id: OutputBufferId, buffer: ClientBuffer): void;
  noMoreBuffers(): void;
  /** Takes over the caller's hold on the page. `partition`: only partitioned outputs look at it. */
  addPage(page: HeldPage, partition: number): void;
  noMorePages(): void;
  /** A reader may have taken what others wait for. */
  afterRead(): void;
  /** Lets go of what it keeps itself. */
  drop(): void;
}

export function createRouter(kind: OutputBufferKind): PageRouter {
  switch (kind) {
    case 'partitioned':
      return new PartitionedRouter();
    case 'broadcast':
      return new BroadcastRouter();
    case 'arbitrary':
      return new ArbitraryRouter();
  }
}

/** Page → the buffer of its partition. */
class PartitionedRouter implements PageRouter {
  readonly #buffers = new Map<number, ClientBuffer>();

  addBuffer(id: OutputBufferId, buffer: ClientBuffer): void {
    this.#buffers.set(id, buffer);
  }

  addPage(page: HeldPage, partition: number): void {
    const buffer = this.#buffers.get(partition);
    assert(buffer !== undefined, `partition ${partition} has a declared buffer`);
    buffer.add(page);
  }

  noMorePages(): void {
    for (const buffer of this.#buffers.values()) buffer.seal();
  }

  noMoreBuffers(): void {}
  afterRead(): void {}
  drop(): void {}
}

/** Page → every buffer; kept for buffers that are still to come. */
class BroadcastRouter implements PageRouter {
  readonly #buffers: ClientBuffer[] = [];
  #kept: HeldPage[] | undefined = [];
  #isSealed = false;

  addBuffer(_id: OutputBufferId, buffer: ClientBuffer): void {
    this.#buffers.push(buffer);
    for (const page of this.#kept ?? []) buffer.add(page.hold());
    if (this.#isSealed) buffer.seal();
  }

  noMoreBuffers(): void {
    this.drop();
  }

  addPage(page: HeldPage): void {
    for (const buffer of this.#buffers) buffer.add(page.hold());
    if (this.#kept === undefined) page.letGo();
    else this.#kept.push(page);
  }

  noMorePages(): void {
    this.#isSealed = true;
    for (const buffer of this.#buffers) buffer.seal();
  }

  afterRead(): void {}

  drop(): void {
    for (const page of this.#kept ?? []) page.letGo();
    this.#kept = undefined;
  }
}

/** Page → whichever buffer asks; those that wait are served in turn, from behind the one served last. */
class ArbitraryRouter implements PageRouter, SharedPages {
  readonly #buffers: ClientBuffer[] = [];
  readonly #pages: HeldPage[] = [];
  #nextBuffer = 0;
  #isSealed = false;

  get isExhausted(): boolean {
    return this.#isSealed && this.#pages.length === 0;
  }

  take(maxBytes: number): HeldPage[] {
    return this.#pages.splice(0, upTo(maxBytes, this.#pages).length);
  }

  addBuffer(_id: OutputBufferId, buffer: ClientBuffer): void {
    this.#buffers.push(buffer);
    buffer.share(this);
    this.afterRead();
  }

  addPage(page: HeldPage): void {
    this.#pages.push(page);
    this.#serveInTurn();
  }

  noMorePages(): void {
    this.#isSealed = true;
    this.afterRead();
  }

  /** Who waits for more after the last page is taken sees the end. */
  afterRead(): void {
    if (this.isExhausted) for (const buffer of this.#buffers) buffer.serve();
  }

  noMoreBuffers(): void {}

  drop(): void {
    for (const page of this.#pages.splice(0)) page.letGo();
  }

  #serveInTurn(): void {
    for (let i = 0; i < this.#buffers.length && this.#pages.length > 0; i += 1) {
      const index = this.#nextBuffer % this.#buffers.length;
      this.#nextBuffer = index + 1;
      this.#buffers[index]?.serve();
    }
  }
}
