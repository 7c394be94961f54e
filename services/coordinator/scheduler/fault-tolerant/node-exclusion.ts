/**
 * Places that get no more work after failures there (S17): of a partition, of a stage, of the whole query; a node, or a host
 * with all of its nodes. Failures count for the query only when their stage went well in the end, so that a statement that
 * fails everywhere excludes nobody.
 */
import type { Instant, NodeId, PartitionId, StageId } from '../../../common/ids.ts';
import type { ExclusionOptions, PlaceLimits } from './fault-tolerant-options.ts';

/** A failed attempt whose place may be to blame (`blamesNode`). */
export interface BlamedFailure {
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  readonly nodeId: NodeId;
  readonly host: string;
  readonly failedAt: Instant;
}

interface NotedFailure extends BlamedFailure {
  /** Its stage went well. */
  isProven: boolean;
}

export type FailureRecord = NotedFailure[];

export interface Place {
  readonly nodeId: NodeId;
  readonly host: string;
}

export function noteFailure(record: FailureRecord, failure: BlamedFailure): void {
  record.push({ ...failure, isProven: false });
}

/** The stage has finished: its failures were the places' own. */
export function proveFailures(record: FailureRecord, stageId: StageId): void {
  for (const failure of record) if (failure.stageId === stageId) failure.isProven = true;
}

/** No attempt of the partition may run there. */
export function isExcluded(
  record: FailureRecord,
  question: {
    readonly stageId: StageId;
    readonly partitionId: PartitionId;
    readonly place: Place;
    readonly now: Instant;
  },
  options: ExclusionOptions,
): boolean {
  if (!options.isEnabled || record.length === 0) return false;
  const { stageId, partitionId, place, now } = question;
  const ofStage = record.filter((failure) => failure.stageId === stageId);
  const ofPartition = ofStage.filter((failure) => failure.partitionId === partitionId);
  const ofQuery = record.filter(
    (failure) => failure.isProven && now - failure.failedAt < options.timeoutMs,
  );
  return (
    isBarredFromPartition(ofPartition, place, options.perPartition) ||
    isBarred(ofStage, place, options.perStage) ||
    isBarred(ofQuery, place, options.perQuery)
  );
}

/** There are nodes, and the partition may run on none of them. */
export function isFullyExcluded(
  record: FailureRecord,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
  cluster: {
    readonly places: readonly Place[];
    readonly now: Instant;
    readonly options: ExclusionOptions;
  },
): boolean {
  const { places, now, options } = cluster;
  const isOut = (place: Place): boolean =>
    isExcluded(record, { ...partition, place, now }, options);
  return places.length > 0 && places.every(isOut);
}

/** So many attempts of the partition failed on the node, or anywhere on its host. */
function isBarredFromPartition(
  failures: readonly BlamedFailure[],
  place: Place,
  limits: PlaceLimits,
): boolean {
  const onNode = failures.filter(({ nodeId }) => nodeId === place.nodeId);
  const onHost = failures.filter(({ host }) => host === place.host);
  return onNode.length >= limits.node || onHost.length >= limits.host;
}

/** So many partitions failed on the node, or so many nodes of its host are barred for that. */
function isBarred(failures: readonly BlamedFailure[], place: Place, limits: PlaceLimits): boolean {
  if (failedPartitions(failures, place.nodeId) >= limits.node) return true;
  const onHost = failures.filter(({ host }) => host === place.host);
  const nodes = [...new Set(onHost.map(({ nodeId }) => nodeId))];
  const barred = nodes.filter((nodeId) => failedPartitions(failures, nodeId) >= limits.node);
  return barred.length >= limits.host;
}

function failedPartitions(failures: readonly BlamedFailure[], nodeId: NodeId): number {
  const onNode = failures.filter((failure) => failure.nodeId === nodeId);
  return new Set(onNode.map(({ stageId, partitionId }) => `${stageId}/${partitionId}`)).size;
}
