/**
 * Every identifier of the engine and its one text form. An id is parsed at the edge (`parse…` returns
 * `undefined` for text that is not one) and is a branded value everywhere else.
 *
 * | id | text form | example |
 * |---|---|---|
 * | QueryId | `yyyymmdd_hhmmss_nnnnn_xxxxx` (UTC, counter, coordinator incarnation) | `20260315_142501_00042_k7f3a` |
 * | StageId | `query.fragment` | `20260315_142501_00042_k7f3a.2` |
 * | TaskId | `query.stage.partition.attempt` | `20260315_142501_00042_k7f3a.2.0.0` |
 * | NodeId | `[A-Za-z0-9_-]{1,64}` | `worker-1` |
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type QueryId = Brand<string, 'QueryId'>;
/** Number of a PlanFragment within its query; the stage that executes it has the same number. */
export type FragmentId = Brand<number, 'FragmentId'>;
export type StageId = FragmentId;
/** Index of a task within its stage, from 0 without gaps. */
export type PartitionId = Brand<number, 'PartitionId'>;
/** A cluster member; survives a restart of its process. */
export type NodeId = Brand<string, 'NodeId'>;
/** One run of a node's process; changes with every start, fences messages of an earlier run. */
export type NodeInstanceId = Brand<string, 'NodeInstanceId'>;
/** Input of a fragment: a scan or a remote source; unique within the query. */
export type SourceId = Brand<number, 'SourceId'>;
/** A consumer's share of a task's output: the consumer's partition (partitioned), or its reader number. */
export type OutputBufferId = Brand<number, 'OutputBufferId'>;
/** A dynamic filter; unique within the query. */
export type FilterId = Brand<number, 'FilterId'>;
/** Milliseconds since the epoch, only ever from a Clock. */
export type Instant = Brand<number, 'Instant'>;

/** A task: one partition of a stage, in its n-th attempt. The attempt is the fencing number. */
export interface TaskId {
  readonly queryId: QueryId;
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  readonly attempt: number;
}

const QUERY_ID = /^\d{8}_\d{6}_\d{5}_[a-z0-9]{5}$/;
const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function parseQueryId(text: string): QueryId | undefined {
  return QUERY_ID.test(text) ? (text as QueryId) : undefined;
}

export function parseNodeId(text: string): NodeId | undefined {
  return NODE_ID.test(text) ? (text as NodeId) : undefined;
}

/** Builds a query id from its parts; `now` in milliseconds, `incarnation` five characters of [a-z0-9]. */
export function formatQueryId(now: Instant, counter: number, incarnation: string): QueryId {
  const iso = new Date(now).toISOString();
  const day = iso.slice(0, 10).replaceAll('-', '');
  const time = iso.slice(11, 19).replaceAll(':', '');
  const text = `${day}_${time}_${String(counter % 100_000).padStart(5, '0')}_${incarnation}`;
  const id = parseQueryId(text);
  if (id === undefined) throw new Error(`not a query id: ${text}`);
  return id;
}

export function formatTaskId(id: TaskId): string {
  return `${id.queryId}.${id.stageId}.${id.partitionId}.${id.attempt}`;
}

export function parseTaskId(text: string): TaskId | undefined {
  const match = /^([^.]+)\.(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/.exec(text);
  const queryId = parseQueryId(match?.[1] ?? '');
  if (match === null || queryId === undefined) return undefined;
  return {
    queryId,
    stageId: Number(match[2]) as StageId,
    partitionId: Number(match[3]) as PartitionId,
    attempt: Number(match[4]),
  };
}
