import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PageReply } from '../../../../services/common/exchange/page-source.ts';
import type { OutputBufferId } from '../../../../services/common/ids.ts';
import type { OutputBufferKind } from '../../../../services/common/task/output-buffers.ts';
import type { OutputFixture } from '../../../support/output-buffers.ts';
import { anOutput } from '../../../support/output-buffers.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { settle } from '../../../support/virtual-clock.ts';

const READER_COUNT = 3;

type Step =
  | { readonly do: 'add'; readonly partition: number; readonly byteCount: number }
  | { readonly do: 'declare'; readonly count: number }
  | {
      readonly do: 'read';
      readonly reader: number;
      /** How many pages behind what the reader has: a request sent twice, or overtaken. */
      readonly behind: number;
      readonly unacknowledged: number;
      readonly maxBytes: number;
      readonly isReplyLost: boolean;
    }
  | { readonly do: 'acknowledge'; readonly reader: number; readonly behind: number }
  | { readonly do: 'advance'; readonly ms: number };

const reader = fc.nat(READER_COUNT - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    partition: reader,
    byteCount: fc.integer({ min: 4, max: 64 }),
  }),
  fc.record({
    do: fc.constant('declare' as const),
    count: fc.integer({ min: 1, max: READER_COUNT }),
  }),
  fc.record({
    do: fc.constant('read' as const),
    reader,
    behind: fc.oneof(fc.constant(0), fc.nat(3)),
    unacknowledged: fc.nat(2),
    maxBytes: fc.integer({ min: 1, max: 150 }),
    isReplyLost: fc.boolean(),
  }),
  fc.record({ do: fc.constant('acknowledge' as const), reader, behind: fc.nat(2) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(2_500) }),
);

/** A reader that keeps its own truth: what it has received, in order, and what it was told of the end. */
class ModelReader {
  readonly received: number[] = [];
  isComplete = false;
  readonly #id: OutputBufferId;
  readonly #fixture: OutputFixture;
  #acknowledged = 0;

  constructor(id: number, fixture: OutputFixture) {
    this.#id = id as OutputBufferId;
    this.#fixture = fixture;
  }

  read(step: {
    behind: number;
    unacknowledged: number;
    maxBytes: number;
    isReplyLost: boolean;
  }): Promise<void> {
    const token = Math.max(0, this.received.length - step.behind);
    const acknowledgedToken = Math.max(0, token - step.unacknowledged);
    this.#acknowledged = Math.max(this.#acknowledged, acknowledgedToken);
    const reply = this.#fixture.output.read(
      this.#id,
      { token, acknowledgedToken, maxBytes: step.maxBytes },
      new AbortController().signal,
    );
    return reply.then((got) => (step.isReplyLost ? undefined : this.#onReply(token, got)));
  }

  acknowledge(behind: number): void {
    const token = Math.max(0, this.received.length - behind);
    this.#acknowledged = Math.max(this.#acknowledged, token);
    this.#fixture.output.acknowledge(this.#id, token);
  }

  async readToEnd(): Promise<void> {
    while (!this.isComplete) {
      const read = this.read({ behind: 0, unacknowledged: 0, maxBytes: 100, isReplyLost: false });
      await this.#fixture.clock.advance(2_000);
      await read;
    }
  }

  destroy(): void {
    this.#fixture.output.destroyBuffer(this.#id);
  }

  #onReply(token: number, reply: PageReply): void {
    expect(reply.token).toBe(token);
    const marks = reply.pages.map(markOf);
    const known = this.received.slice(token, token + marks.length);
    // A page that was received before comes again as the same page.
    expect(marks.slice(0, known.length)).toEqual(known);
    // Retry safety: pages count only for the reader's own token.
    if (token + marks.length < this.received.length) return;
    this.received.push(...marks.slice(this.received.length - token));
    if (reply.complete) this.isComplete = true;
  }
}

interface Run extends OutputFixture {
  readonly readers: readonly ModelReader[];
  /** Marks of the pages added, with the partition of each. */
  readonly added: { readonly mark: number; readonly partition: number }[];
  readonly reads: Promise<void>[];
  declaredCount: number;
}

async function run(kind: OutputBufferKind, steps: readonly Step[]): Promise<Run> {
  const fixture = anOutput(kind);
  const readers = Array.from({ length: READER_COUNT }, (_, id) => new ModelReader(id, fixture));
  const state: Run = { ...fixture, readers, added: [], reads: [], declaredCount: 0 };
  if (kind === 'partitioned') declareUpTo(state, READER_COUNT, true);
  for (const next of steps) {
    apply(kind, state, next);
    if (next.do === 'advance') await state.clock.advance(next.ms);
    else await settle();
    for (const { isComplete } of readers) expect(isComplete).toBe(false);
  }
  return state;
}

function declareUpTo(state: Run, count: number, isLast: boolean): void {
  state.declaredCount = Math.max(state.declaredCount, count);
  state.declare(
    Array.from({ length: state.declaredCount }, (_, id) => id),
    isLast,
  );
}

function apply(kind: OutputBufferKind, state: Run, next: Step): void {
  switch (next.do) {
    case 'add': {
      const mark = state.added.length + 1;
      state.added.push({ mark, partition: next.partition });
      return state.output.addPage(aMarkedPage(mark, next.byteCount), next.partition);
    }
    case 'declare':
      if (kind !== 'partitioned') declareUpTo(state, next.count, false);
      return;
    case 'read':
      state.reads.push(state.readers[next.reader]!.read(next));
      return;
    case 'acknowledge':
      return state.readers[next.reader]!.acknowledge(next.behind);
    case 'advance':
  }
}

async function finish(state: Run): Promise<void> {
  declareUpTo(state, READER_COUNT, true);
  state.output.noMorePages();
  await Promise.all(state.readers.map((each) => each.readToEnd()));
  await state.clock.advance(5_000);
  await Promise.all(state.reads);
}

function expectNothingHeld({ output, memory, clock }: OutputFixture): void {
  expect(output.bufferedBytes).toBe(0);
  expect(memory.usedBytes).toBe(0);
  expect(clock.pendingCount).toBe(0);
}

const steps = fc.array(step, { maxLength: 60, size: 'max' });

describe('for every interleaving of pages, reads, acknowledgements and declarations', () => {
  it('each partition gets its pages exactly once and in order (T10 partitioned)', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        const state = await run('partitioned', some);
        await finish(state);
        for (const [id, { received }] of state.readers.entries()) {
          const own = state.added.filter(({ partition }) => partition === id);
          expect(received).toEqual(own.map(({ mark }) => mark));
        }
        for (const each of state.readers) each.destroy();
        expect(state.output.state).toBe('finished');
        expectNothingHeld(state);
      }),
    );
  });

  it('each reader of a broadcast gets all pages exactly once and in order, late readers too', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        const state = await run('broadcast', some);
        await finish(state);
        for (const { received } of state.readers) {
          expect(received).toEqual(state.added.map(({ mark }) => mark));
        }
        for (const each of state.readers) each.destroy();
        expect(state.output.state).toBe('finished');
        expectNothingHeld(state);
      }),
    );
  });

  it('each page of an arbitrary output gets to exactly one reader, in order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        const state = await run('arbitrary', some);
        await finish(state);
        const all = state.readers.flatMap(({ received }) => received);
        expect(all.toSorted((a, b) => a - b)).toEqual(state.added.map(({ mark }) => mark));
        for (const { received } of state.readers) {
          expect(received).toEqual(received.toSorted((a, b) => a - b));
        }
        for (const each of state.readers) each.destroy();
        expect(state.output.state).toBe('finished');
        expectNothingHeld(state);
      }),
    );
  });

  it.each(['partitioned', 'broadcast', 'arbitrary'] as const)(
    'an aborted %s output is never complete for anybody, and holds nothing',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(steps, steps, fc.boolean(), async (before, after, isSealed) => {
          const state = await run(kind, before);
          if (isSealed) {
            declareUpTo(state, READER_COUNT - 1, kind === 'partitioned');
            state.output.noMorePages();
          }
          await settle();
          const ends = state.readers.map(({ isComplete }) => isComplete);
          state.output.abort();
          for (const next of after) {
            if (next.do === 'read') apply(kind, state, { ...next, behind: 0, unacknowledged: 0 });
            if (next.do === 'add') apply(kind, state, next);
            if (next.do === 'advance') await state.clock.advance(next.ms);
          }
          state.output.noMorePages();
          state.output.destroy();
          await state.clock.advance(5_000);
          await Promise.all(state.reads);
          expect(state.readers.map(({ isComplete }) => isComplete)).toEqual(ends);
          expect(state.output.state).toBe('aborted');
          expectNothingHeld(state);
        }),
      );
    },
  );
});
