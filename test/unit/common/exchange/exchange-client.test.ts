import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { ExchangeClientOptions } from '../../../../services/common/exchange/exchange-client.ts';
import { ExchangeClient } from '../../../../services/common/exchange/exchange-client.ts';
import type { PageRequest, PageSource } from '../../../../services/common/exchange/page-source.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { Page } from '../../../../services/common/page/page.ts';
import type { OutputFixture } from '../../../support/output-buffers.ts';
import { anOutput } from '../../../support/output-buffers.ts';
import type { Fault } from '../../../support/exchange.ts';
import { aLocation, aTicket, unreliable } from '../../../support/exchange.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;

/** Output buffers of the real kind, one producer each. */
class Producers implements PageSource {
  readonly outputs: OutputFixture[];
  readonly requests: PageRequest[] = [];

  constructor(count: number) {
    this.outputs = Array.from({ length: count }, () => anOutput('partitioned'));
    for (const output of this.outputs) output.declare([0], true);
  }

  add(producer: number, ...pages: readonly Page[]): void {
    for (const page of pages) this.outputs[producer]?.output.addPage(page, 0);
  }

  end(producer: number): void {
    this.outputs[producer]?.output.noMorePages();
  }

  fetchPages: PageSource['fetchPages'] = async ({ location }, request, signal) => {
    this.requests.push(request);
    return await this.#of(location).output.read(location.bufferId, request, signal);
  };

  acknowledge: PageSource['acknowledge'] = async ({ location }, token) =>
    this.#of(location).output.acknowledge(location.bufferId, token);

  destroy: PageSource['destroy'] = async ({ location }) =>
    this.#of(location).output.destroyBuffer(location.bufferId);

  /** Lets the time of all producers and of `clock` pass. */
  async advance(ms: number, clock: VirtualClock): Promise<void> {
    await settle();
    await clock.advance(ms);
    for (const output of this.outputs) await output.clock.advance(ms);
    await settle();
  }

  #of({ taskId }: { taskId: { partitionId: number } }): OutputFixture {
    const output = this.outputs[taskId.partitionId];
    if (output === undefined) throw new EngineError('TASK_NOT_FOUND', 'no such producer');
    return output;
  }
}

function aClient(
  source: PageSource,
  options: Partial<ExchangeClientOptions> = {},
): { client: ExchangeClient; clock: VirtualClock } {
  const clock = new VirtualClock();
  const client = new ExchangeClient({
    source,
    ticket: aTicket,
    clock,
    log: silentLogger,
    ...options,
  });
  return { client, clock };
}

async function drain(client: ExchangeClient): Promise<number[]> {
  const marks: number[] = [];
  for (let page = await client.next(never); page !== undefined; page = await client.next(never)) {
    marks.push(markOf(page));
  }
  return marks;
}

describe('an exchange client', () => {
  it('pulls every buffer to its end, then ends', async () => {
    const producers = new Producers(2);
    producers.add(0, aMarkedPage(1), aMarkedPage(2));
    producers.add(1, aMarkedPage(11));
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    client.addLocation(aLocation(1));
    client.noMoreLocations();
    const all = drain(client);
    await settle();
    producers.add(0, aMarkedPage(3));
    for (const i of [0, 1]) producers.end(i);
    expect((await all).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 11]);
    await settle();
    expect(producers.outputs.map(({ output }) => output.state)).toEqual(['finished', 'finished']);
  });

  it('does not end before it knows all locations', async () => {
    const producers = new Producers(2);
    for (const i of [0, 1]) producers.end(i);
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    let result: unknown = 'waiting';
    void client.next(never).then((page) => (result = page));
    await settle();
    expect(result).toBe('waiting');
    client.addLocation(aLocation(1));
    client.noMoreLocations();
    await settle();
    expect(result).toBeUndefined();
  });

  it('reads a location once, however often it is named (T14)', async () => {
    const producers = new Producers(1);
    producers.add(0, aMarkedPage(1));
    producers.end(0);
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    client.addLocation(aLocation(0));
    client.noMoreLocations();
    client.addLocation(aLocation(0));
    expect(await drain(client)).toEqual([1]);
  });

  it('gives pages that the caller may transfer, though their buffer still holds them', async () => {
    const producers = new Producers(1);
    const page = aMarkedPage(1);
    producers.add(0, page);
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    const received = await client.next(never);
    expect(received).toEqual(page);
    expect(received).not.toBe(page);
  });

  it('fails with what a producer refuses, whatever else has arrived', async () => {
    const producers = new Producers(1);
    const { client } = aClient(producers);
    client.addLocation(aLocation(5));
    await expect(client.next(never)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('stops waiting with its signal, and goes on later', async () => {
    const producers = new Producers(1);
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    const caller = new AbortController();
    const waiting = client.next(caller.signal);
    caller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    producers.add(0, aMarkedPage(1));
    expect(markOf((await client.next(never))!)).toBe(1);
  });

  it('closed early lets every producer drop its pages', async () => {
    const producers = new Producers(3);
    for (const i of [0, 1]) producers.add(i, aMarkedPage(i), aMarkedPage(i));
    const { client } = aClient(producers, { maxBufferedBytes: 8 });
    for (const i of [0, 1, 2]) client.addLocation(aLocation(i));
    await client.next(never);
    client.close();
    client.close();
    await settle();
    for (const { output } of producers.outputs) {
      expect(output.state).toBe('finished');
      expect(output.bufferedBytes).toBe(0);
    }
    expect(client.bufferedBytes).toBe(0);
    await expect(client.next(never)).rejects.toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('lets producers that it hears of after it was closed drop their pages too', async () => {
    const producers = new Producers(2);
    producers.add(1, aMarkedPage(1));
    const { client } = aClient(producers);
    client.addLocation(aLocation(0));
    client.noMoreLocations();
    client.close();
    client.addLocation(aLocation(1));
    await settle();
    expect(producers.outputs[1]?.output.state).toBe('finished');
    expect(producers.outputs[1]?.output.bufferedBytes).toBe(0);
    expect(client.bufferedBytes).toBe(0);
  });
});

describe('the memory of an exchange client', () => {
  const PAGE_BYTES = 100;

  it('stays bounded while nobody takes pages: the producers keep theirs, by counting', async () => {
    const producers = new Producers(4);
    for (let i = 0; i < 40; i += 1) producers.add(i % 4, aMarkedPage(i, PAGE_BYTES));
    const { client, clock } = aClient(producers, { maxBufferedBytes: 8 * PAGE_BYTES });
    for (const i of [0, 1, 2, 3]) client.addLocation(aLocation(i));
    await producers.advance(10_000, clock);
    expect(client.bufferedBytes).toBeGreaterThan(0);
    expect(client.bufferedBytes).toBeLessThanOrEqual(8 * PAGE_BYTES);
    for (const i of [0, 1, 2, 3]) producers.end(i);
    client.noMoreLocations();
    expect(await drain(client)).toHaveLength(40);
  });

  it('is shared by all producers, so that idle ones do not keep a busy one waiting', async () => {
    const producers = new Producers(10);
    const { client } = aClient(producers, { maxBufferedBytes: 10 * PAGE_BYTES });
    for (let i = 0; i < 10; i += 1) client.addLocation(aLocation(i));
    await settle();
    producers.add(9, aMarkedPage(1, PAGE_BYTES));
    expect(markOf((await client.next(never))!)).toBe(1);
    expect(producers.requests.every(({ maxBytes }) => maxBytes <= 10 * PAGE_BYTES)).toBe(true);
  });

  it('lets a page in that is larger than all of it, alone', async () => {
    const producers = new Producers(1);
    producers.add(0, aMarkedPage(1, 1_000), aMarkedPage(2, 1_000));
    producers.end(0);
    const { client, clock } = aClient(producers, { maxBufferedBytes: 10 });
    client.addLocation(aLocation(0));
    client.noMoreLocations();
    await producers.advance(5_000, clock);
    expect(client.bufferedBytes).toBe(1_000);
    expect(await drain(client)).toEqual([1, 2]);
  });

  it('frees the pages of a producer that must wait for its next turn', async () => {
    const producers = new Producers(1);
    producers.add(0, aMarkedPage(1, PAGE_BYTES), aMarkedPage(2, PAGE_BYTES));
    const { client, clock } = aClient(producers, { maxBufferedBytes: PAGE_BYTES });
    client.addLocation(aLocation(0));
    await producers.advance(100, clock);
    expect(producers.outputs[0]?.output.bufferedBytes).toBe(PAGE_BYTES);
  });
});

describe('over a network that loses requests and replies', () => {
  const fault: fc.Arbitrary<Fault> = fc.constantFrom('none', 'none', 'request-lost', 'reply-lost');
  /** A third loss in turn would be the end of a buffer's destruction, which its task then does. */
  const neverThriceInTurn = (faults: readonly Fault[]): Fault[] =>
    faults.flatMap((each, i) => (i % 2 === 1 ? [each, 'none'] : [each]));
  const action = fc.record({
    producer: fc.nat(2),
    byteCount: fc.integer({ min: 4, max: 60 }),
    waitMs: fc.oneof(fc.constant(0), fc.nat(3_000)),
  });

  it('every page arrives exactly once, in the order of its producer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40, size: 'max' }),
        fc.array(fault, { maxLength: 60, size: 'max' }).map(neverThriceInTurn),
        fc.integer({ min: 1, max: 300 }),
        async (actions, faults, maxBufferedBytes) => {
          const producers = new Producers(3);
          const source = unreliable(producers, () => faults.shift() ?? 'none');
          const { client, clock } = aClient(source, { maxBufferedBytes });
          for (const i of [0, 1, 2]) client.addLocation(aLocation(i));
          client.noMoreLocations();
          const received = drain(client);
          for (const [mark, { producer, byteCount, waitMs }] of actions.entries()) {
            producers.add(producer, aMarkedPage(mark, byteCount));
            await producers.advance(waitMs, clock);
          }
          for (const i of [0, 1, 2]) producers.end(i);
          for (let i = 0; i < 70; i += 1) await producers.advance(1_000, clock);
          const marks = await received;
          for (const i of [0, 1, 2]) {
            const own = (mark: number): boolean => actions[mark]?.producer === i;
            expect(marks.filter(own)).toEqual([...actions.keys()].filter(own));
          }
          expect(marks).toHaveLength(actions.length);
          for (const { output } of producers.outputs) expect(output.bufferedBytes).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
