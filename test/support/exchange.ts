/** Places and producers of pages for tests of those who read them. */
import { EngineError } from '../../services/common/error.ts';
import type {
  BufferAddress,
  ExchangeTicket,
  PageReply,
  PageRequest,
  PageSource,
} from '../../services/common/exchange/page-source.ts';
import type {
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  PartitionId,
} from '../../services/common/ids.ts';
import { parseTaskId } from '../../services/common/ids.ts';
import type { OutputLocation } from '../../services/common/plan/split.ts';

export const aTicket: ExchangeTicket = {
  capability: new Uint8Array(32).fill(7),
  principal: { name: 'ada' },
};

export function aLocation(partition = 0): OutputLocation {
  const taskId = parseTaskId('20260315_142501_00042_k7f3a.1.0.0');
  if (taskId === undefined) throw new Error('not a task id');
  return {
    taskId: { ...taskId, partitionId: partition as PartitionId },
    nodeId: 'worker-1' as NodeId,
    nodeInstanceId: 'run-1' as NodeInstanceId,
    address: 'localhost:1',
    outputIndex: 0,
    bufferId: 0 as OutputBufferId,
  };
}

/** What the network does to a request and its reply. */
export type Fault = 'none' | 'request-lost' | 'reply-lost';

/** A page source through a network that loses requests and replies as it is told, one fault a call. */
export function unreliable(source: PageSource, nextFault: () => Fault): PageSource {
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    const fault = nextFault();
    if (fault === 'request-lost') throw lost();
    const result = await call();
    if (fault === 'reply-lost') throw lost();
    return result;
  };
  return {
    fetchPages: (address: BufferAddress, request: PageRequest, signal): Promise<PageReply> =>
      through(() => source.fetchPages(address, request, signal)),
    async *streamPages(address, request, signal) {
      const fault = nextFault();
      if (fault === 'request-lost') throw lost();
      const reply = await source.fetchPages(address, request, signal);
      const pieces = inPieces(reply);
      // A reply that is lost breaks off in the middle.
      yield* fault === 'reply-lost' ? pieces.slice(0, pieces.length / 2) : pieces;
      if (fault === 'reply-lost') throw lost();
    },
    acknowledge: (address, token, signal) =>
      through(() => source.acknowledge(address, token, signal)),
    destroy: (address, signal) => through(() => source.destroy(address, signal)),
  };
}

/** One page a piece, the last one saying whether more will follow. */
function inPieces(reply: PageReply): PageReply[] {
  if (reply.pages.length === 0) return [reply];
  return reply.pages.map((page, i) => ({
    ...reply,
    token: reply.token + i,
    pages: [page],
    complete: reply.complete && i === reply.pages.length - 1,
  }));
}

const lost = (): EngineError =>
  new EngineError('EXCHANGE_FAILED', 'UNAVAILABLE: connection dropped');
