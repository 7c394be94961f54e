import { describe, expect, it } from 'vitest';
import { EngineError, type ErrorCode } from '../../../../services/common/error.ts';
import type {
  QueryClient,
  ResultPart,
  SubmitOptions,
  SubmittedQuery,
} from '../../../../services/cli/sql/query-client.ts';
import { runStatement } from '../../../../services/cli/sql/run-statement.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

/** Where the connection breaks: after so many parts of a call. */
interface Break {
  readonly afterParts: number;
  readonly code: ErrorCode;
}

/** A gateway with one result: a schema, three batches of two parts each, the end marker. */
class FakeGateway implements QueryClient {
  readonly calls: string[] = [];
  readonly #breaks: Break[];

  constructor(breaks: readonly Break[] = []) {
    this.#breaks = [...breaks];
  }

  async submit(_options: SubmitOptions, _signal: AbortSignal): Promise<SubmittedQuery> {
    this.calls.push('submit');
    return { queryId: 'q', session: Uint8Array.of(9), isPlanned: true };
  }

  async changedSession(): Promise<Uint8Array | undefined> {
    this.calls.push('session');
    return Uint8Array.of(10);
  }

  async *fetchResults(_queryId: string, token: Uint8Array): AsyncGenerator<ResultPart> {
    const from = token.length === 0 ? 0 : (token[0] ?? 0);
    this.calls.push(`fetch ${from}`);
    const broken = from < PARTS.length ? this.#breaks.shift() : undefined;
    for (const [i, part] of PARTS.slice(from).entries()) {
      if (i === broken?.afterParts) throw new EngineError(broken.code, 'the connection broke');
      yield part;
    }
    if (from >= PARTS.length) yield { arrowIpc: new Uint8Array(), token, complete: true };
  }

  async *watch(): AsyncGenerator<never> {}

  async cancel(query: { queryId?: string; requestId?: string }): Promise<void> {
    this.calls.push(`cancel ${query.queryId ?? query.requestId}`);
  }

  close(): void {}
}

const part = (text: string, token: number, complete = false): ResultPart => ({
  arrowIpc: Buffer.from(text),
  token: token === 0 ? new Uint8Array() : Uint8Array.of(token),
  complete,
});
const PARTS: readonly ResultPart[] = [
  part('schema;', 0),
  part('a', 0),
  part('A;', 3),
  part('b', 0),
  part('B;', 5),
  part('c', 0),
  part('C;', 7),
  part('end', 8, true),
];
const WHOLE = 'schema;aA;bB;cC;end';

async function run(
  gateway: FakeGateway,
  sink?: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
  signal = new AbortController().signal,
): Promise<{ text: string; session: Uint8Array }> {
  const clock = new VirtualClock();
  let text = '';
  const collect = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of bytes) text += Buffer.from(piece).toString();
  };
  const progress = { isOver: false };
  const running = runStatement(
    {
      client: gateway,
      submit: {
        sql: 'SELECT 1',
        sessionDefaults: {},
        session: new Uint8Array(),
        requestId: 'r',
      },
      sink: sink ?? collect,
      clock,
      onSubmitted: () => undefined,
    },
    signal,
  ).finally(() => (progress.isOver = true));
  running.catch(() => undefined);
  while (!progress.isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_000);
  }
  return { text, session: await running };
}

describe('a statement', () => {
  it('is submitted, fetched to its end marker and released', async () => {
    const gateway = new FakeGateway();
    expect(await run(gateway)).toEqual({ text: WHOLE, session: Uint8Array.of(9) });
    expect(gateway.calls).toEqual(['submit', 'fetch 0', 'fetch 8']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'goes on behind its last whole batch when the connection breaks after %i parts',
    async (afterParts) => {
      const gateway = new FakeGateway([{ afterParts, code: 'COORDINATOR_UNAVAILABLE' }]);
      expect((await run(gateway)).text).toBe(WHOLE);
      expect(gateway.calls).toHaveLength(4);
    },
  );

  it('goes on as long as it gets further', async () => {
    const breaks = Array.from({ length: 3 }, () => [
      { afterParts: 0, code: 'COORDINATOR_UNAVAILABLE' },
      { afterParts: 1, code: 'SHUTTING_DOWN' },
      { afterParts: 3, code: 'COORDINATOR_UNAVAILABLE' },
    ]).flat() as Break[];
    expect((await run(new FakeGateway(breaks))).text).toBe(WHOLE);
  });

  it('fails when it gets no further, and cancels', async () => {
    const breaks = Array.from({ length: 9 }, (): Break => ({
      afterParts: 1,
      code: 'COORDINATOR_UNAVAILABLE',
    }));
    const gateway = new FakeGateway(breaks);
    await expect(run(gateway)).rejects.toMatchObject({ code: 'COORDINATOR_UNAVAILABLE' });
    expect(gateway.calls.filter((call) => call.startsWith('fetch'))).toHaveLength(5);
    expect(gateway.calls.at(-1)).toBe('cancel q');
  });

  it('does not try again what the query itself failed with', async () => {
    const gateway = new FakeGateway([{ afterParts: 4, code: 'NODE_LOST' }]);
    await expect(run(gateway)).rejects.toMatchObject({ code: 'NODE_LOST' });
    expect(gateway.calls).toEqual(['submit', 'fetch 0', 'cancel q']);
  });

  it('is no result when it ends without its end marker', async () => {
    class Cut extends FakeGateway {
      override async *fetchResults(): AsyncGenerator<ResultPart> {
        yield* PARTS.slice(0, 5);
      }
    }
    await expect(run(new Cut())).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });

  it('is cancelled when its rows cannot be written', async () => {
    const gateway = new FakeGateway();
    const full = async (): Promise<void> => Promise.reject(new Error('no space left on device'));
    await expect(run(gateway, full)).rejects.toThrow('no space left');
    expect(gateway.calls).toEqual(['submit', 'cancel q']);
  });

  it('that was not planned at once gives its session when it has ended', async () => {
    class Queued extends FakeGateway {
      override async submit(...call: Parameters<FakeGateway['submit']>): Promise<SubmittedQuery> {
        return { ...(await super.submit(...call)), isPlanned: false };
      }
    }
    const gateway = new Queued();
    expect((await run(gateway)).session).toEqual(Uint8Array.of(10));
    expect(gateway.calls).toEqual(['submit', 'fetch 0', 'session', 'fetch 8']);
  });

  it('is cancelled by its request when nobody waits for its id any more', async () => {
    const abort = new AbortController();
    class Slow extends FakeGateway {
      override async submit(): Promise<SubmittedQuery> {
        abort.abort(new EngineError('QUERY_CANCELLED', 'cancelled by the user'));
        throw new EngineError('CALL_CANCELLED', 'the call was cancelled');
      }
    }
    const gateway = new Slow();
    const running = run(gateway, undefined, abort.signal);
    await expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    expect(gateway.calls).toEqual(['cancel r']);
  });
});
