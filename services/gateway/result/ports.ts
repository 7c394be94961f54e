/** What a result stream needs of the rest of the cluster; implemented in `gateway/rpc/`. */
import type { Column } from '../../common/plan/column-type.ts';
import type { OutputLocation } from '../../common/plan/split.ts';

/** A root task's output: where its pages are served, or all of them when they are few (R8). */
export interface ResultLocation {
  readonly location: OutputLocation;
  readonly inlinePages?: readonly Uint8Array[];
}

/** `withheld`: the attempt may still be retried, so nothing of it may be shown. */
export type ResultCommitment = 'withheld' | 'committed' | 'superseded';

/** What the coordinator says of a query's result; the stream of them fails with the query's error. */
export interface ResultUpdate {
  readonly attempt: number;
  readonly columns: readonly Column[];
  /** Shown to workers with every read. */
  readonly capability: Uint8Array;
  /** Root tasks that are new since the last update. */
  readonly locations: readonly ResultLocation[];
  readonly noMoreLocations: boolean;
  readonly commitment: ResultCommitment;
  readonly resultReplayBytes: number;
  /** What columns of TIMESTAMP WITH TIME ZONE carry in the schema. */
  readonly timeZone: string;
}

export interface PageRead {
  readonly location: OutputLocation;
  readonly capability: Uint8Array;
  /** First page wanted. */
  readonly token: number;
  /** Pages below may be dropped. */
  readonly acknowledgedToken: number;
  /** Stop after about so many bytes; at least one page. */
  readonly maxBytes: number;
}

export interface PageReadReply {
  /** Pages from `token` on; empty when none came in time. */
  readonly pages: readonly Uint8Array[];
  /** No page follows these, ever. */
  readonly complete: boolean;
}

/** Reads output buffers of workers. Fails with RESULT_TOKEN_EXPIRED when the first page was dropped. */
export interface ResultPages {
  read(request: PageRead, signal: AbortSignal): Promise<PageReadReply>;
}
