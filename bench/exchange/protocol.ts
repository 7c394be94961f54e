/** What the benchmark of the exchange and its producer process say to each other. */
import type {
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  PartitionId,
} from '../../services/common/ids.ts';
import { parseTaskId } from '../../services/common/ids.ts';
import type { ExchangeTicket } from '../../services/common/exchange/page-source.ts';
import type { OutputLocation } from '../../services/common/plan/split.ts';

export type ProduceRequest = ProduceOrder | ReleaseOrder;

export interface ProduceOrder {
  readonly kind: 'produce';
  /** Tells the streams apart. */
  readonly stream: number;
  readonly pageBytes: number;
  readonly pageCount: number;
  /** Into a file, which may be read when the producer says that it is stored; else into memory, as it is read. */
  readonly retained: boolean;
}

/** Nobody reads the retained stream again. */
export interface ReleaseOrder {
  readonly kind: 'release';
  readonly stream: number;
}

export interface ProducerReady {
  readonly port: number;
}

/** All pages of a retained stream are in its file. */
export interface StreamStored {
  readonly storedStream: number;
}

export const TICKET: ExchangeTicket = {
  capability: new Uint8Array(32),
  principal: { name: 'bench' },
};

export function locationOf(stream: number, port: number): OutputLocation {
  const taskId = parseTaskId('20260101_000000_00000_bench.0.0.0');
  if (taskId === undefined) throw new Error('not a task id');
  return {
    taskId: { ...taskId, partitionId: stream as PartitionId },
    nodeId: 'producer' as NodeId,
    nodeInstanceId: 'bench' as NodeInstanceId,
    address: `127.0.0.1:${port}`,
    outputIndex: 0,
    bufferId: 0 as OutputBufferId,
  };
}
