import type {
  FragmentOutput as WireFragmentOutput,
  Partitioning as WirePartitioning,
  PartitioningScheme as WirePartitioningScheme,
  PlanFragment as WirePlanFragment,
  RemoteSource as WireRemoteSource,
  ScanInput as WireScanInput,
} from '../../../proto/gen/skein/internal/v1/plan_fragment.ts';
import {
  Determinism as WireDeterminism,
  InputMode as WireInputMode,
  PartitioningSchemeKind as WireSchemeKind,
  RemoteDelivery as WireDelivery,
  ScanMismatch as WireScanMismatch,
  ThreadUse as WireThreadUse,
} from '../../../proto/gen/skein/internal/v1/plan_fragment.ts';
import { assertNever } from '../assert.ts';
import type { FragmentId, SourceId } from '../ids.ts';
import { parseFileFormat } from '../plan/file-reading.ts';
import { findSystemTable } from '../system/system-tables.ts';
import type {
  Determinism,
  FragmentOutput,
  InputMode,
  PartialAggregation,
  Partitioning,
  PartitioningScheme,
  PlanFragment,
  RemoteSource,
  ScanInput,
  ScanPartitioning,
  ThreadUse,
} from '../plan/plan-fragment.ts';
import {
  columnsFromWire,
  columnsToWire,
  columnTypeFromWire,
  columnTypeToWire,
} from './column-type-wire.ts';
import {
  collectedKeyFromWire,
  collectedKeyToWire,
  filteredColumnFromWire,
  filteredColumnToWire,
} from './dynamic-filter-wire.ts';
import { inputTreeFromWire, inputTreeToWire } from './input-tree-wire.ts';
import {
  enumMapping,
  finite,
  invalidField,
  parsed,
  required,
  requiredText,
  safeInteger,
} from './wire-field.ts';

const SCHEME_KINDS = enumMapping<PartitioningScheme['kind'], WireSchemeKind>({
  single: WireSchemeKind.PARTITIONING_SCHEME_KIND_SINGLE,
  hash: WireSchemeKind.PARTITIONING_SCHEME_KIND_HASH,
  broadcast: WireSchemeKind.PARTITIONING_SCHEME_KIND_BROADCAST,
  arbitrary: WireSchemeKind.PARTITIONING_SCHEME_KIND_ARBITRARY,
  discard: WireSchemeKind.PARTITIONING_SCHEME_KIND_DISCARD,
});

const DELIVERIES = enumMapping<RemoteSource['delivery'], WireDelivery>({
  partitioned: WireDelivery.REMOTE_DELIVERY_PARTITIONED,
  broadcast: WireDelivery.REMOTE_DELIVERY_BROADCAST,
  gather: WireDelivery.REMOTE_DELIVERY_GATHER,
  arbitrary: WireDelivery.REMOTE_DELIVERY_ARBITRARY,
});

const INPUT_MODES = enumMapping<InputMode, WireInputMode>({
  incremental: WireInputMode.INPUT_MODE_INCREMENTAL,
  complete: WireInputMode.INPUT_MODE_COMPLETE,
});

const DETERMINISMS = enumMapping<Determinism, WireDeterminism>({
  deterministic: WireDeterminism.DETERMINISM_DETERMINISTIC,
  'order-sensitive': WireDeterminism.DETERMINISM_ORDER_SENSITIVE,
  indeterminate: WireDeterminism.DETERMINISM_INDETERMINATE,
});

const MISMATCHES = enumMapping<ScanPartitioning['mismatch'], WireScanMismatch>({
  skip: WireScanMismatch.SCAN_MISMATCH_SKIP,
  fail: WireScanMismatch.SCAN_MISMATCH_FAIL,
});

const THREAD_USES = enumMapping<ThreadUse, WireThreadUse>({
  task: WireThreadUse.THREAD_USE_TASK,
  worker: WireThreadUse.THREAD_USE_WORKER,
  one: WireThreadUse.THREAD_USE_ONE,
});

export function planFragmentToWire(fragment: PlanFragment): WirePlanFragment {
  return {
    fragmentId: fragment.id,
    sql: fragment.sql,
    columns: columnsToWire(fragment.columns),
    partitioning: partitioningToWire(fragment.partitioning),
    outputs: fragment.outputs.map(outputToWire),
    scans: fragment.scans.map(scanToWire),
    remoteSources: fragment.remoteSources.map(remoteSourceToWire),
    inputTree: fragment.inputTree === undefined ? undefined : inputTreeToWire(fragment.inputTree),
    inputMode: INPUT_MODES.toWire(fragment.inputMode),
    determinism: DETERMINISMS.toWire(fragment.determinism),
    rowLimit: fragment.rowLimit === undefined ? undefined : BigInt(fragment.rowLimit),
    threads: THREAD_USES.toWire(fragment.threads),
    estimatedRows: fragment.estimatedRows,
    estimatedBytes: fragment.estimatedBytes,
    settings: { ...fragment.settings },
    collectedKeys: (fragment.collectedKeys ?? []).map(collectedKeyToWire),
    mayReorderJoins: fragment.mayReorderJoins ?? false,
    preparation: fragment.preparation ?? [],
    partialAggregation: partialAggregationToWire(fragment.partialAggregation),
  };
}

export function planFragmentFromWire(wire: WirePlanFragment, field: string): PlanFragment {
  return {
    id: wire.fragmentId as FragmentId,
    sql: requiredText(wire.sql, `${field}.sql`),
    columns: columnsFromWire(wire.columns, `${field}.columns`),
    partitioning: partitioningFromWire(wire.partitioning, `${field}.partitioning`),
    outputs: wire.outputs.map((output, i) => outputFromWire(output, `${field}.outputs[${i}]`)),
    scans: wire.scans.map((scan, i) => scanFromWire(scan, `${field}.scans[${i}]`)),
    remoteSources: wire.remoteSources.map((source, i) =>
      remoteSourceFromWire(source, `${field}.remote_sources[${i}]`),
    ),
    ...inputTreeOf(wire, `${field}.input_tree`),
    inputMode: INPUT_MODES.fromWire(wire.inputMode, `${field}.input_mode`),
    determinism: DETERMINISMS.fromWire(wire.determinism, `${field}.determinism`),
    ...rowLimitFromWire(wire.rowLimit, field),
    threads: THREAD_USES.fromWire(wire.threads, `${field}.threads`),
    estimatedRows: finite(wire.estimatedRows, `${field}.estimated_rows`),
    estimatedBytes: finite(wire.estimatedBytes, `${field}.estimated_bytes`),
    settings: { ...wire.settings },
    ...collectedKeysFromWire(wire, field),
    ...(wire.mayReorderJoins ? { mayReorderJoins: true } : {}),
    ...(wire.preparation.length === 0 ? {} : { preparation: wire.preparation }),
    ...partialAggregationFromWire(wire, field),
  };
}

function partialAggregationToWire(
  partial: PartialAggregation | undefined,
): WirePlanFragment['partialAggregation'] {
  if (partial === undefined) return undefined;
  const { countingSql, rowwiseSql, minRows } = partial;
  return { countingSql, rowwiseSql, minRows: BigInt(minRows) };
}

function partialAggregationFromWire(
  { partialAggregation: wire }: WirePlanFragment,
  field: string,
): Pick<PlanFragment, 'partialAggregation'> {
  if (wire === undefined) return {};
  const name = `${field}.partial_aggregation`;
  return {
    partialAggregation: {
      countingSql: requiredText(wire.countingSql, `${name}.counting_sql`),
      rowwiseSql: requiredText(wire.rowwiseSql, `${name}.rowwise_sql`),
      minRows: safeInteger(wire.minRows, `${name}.min_rows`),
    },
  };
}

function collectedKeysFromWire(
  { collectedKeys }: WirePlanFragment,
  field: string,
): Pick<PlanFragment, 'collectedKeys'> {
  if (collectedKeys.length === 0) return {};
  return {
    collectedKeys: collectedKeys.map((key, i) =>
      collectedKeyFromWire(key, `${field}.collected_keys[${i}]`),
    ),
  };
}

function inputTreeOf(
  { inputTree }: WirePlanFragment,
  field: string,
): Pick<PlanFragment, 'inputTree'> {
  return inputTree === undefined ? {} : { inputTree: inputTreeFromWire(inputTree, field) };
}

function rowLimitFromWire(rowLimit: bigint | undefined, field: string): { rowLimit?: number } {
  return rowLimit === undefined ? {} : { rowLimit: safeInteger(rowLimit, `${field}.row_limit`) };
}

function partitioningToWire(partitioning: Partitioning): WirePartitioning {
  switch (partitioning.kind) {
    case 'single':
      return { kind: { $case: 'single', value: {} } };
    case 'source':
      return { kind: { $case: 'source', value: { sourceId: partitioning.sourceId } } };
    case 'hash':
      return { kind: { $case: 'hash', value: {} } };
    case 'arbitrary':
      return { kind: { $case: 'arbitrary', value: {} } };
    case 'scaled-writer':
      return { kind: { $case: 'scaledWriter', value: {} } };
    case 'fixed-source': {
      const { partitionCount, layout } = partitioning;
      return { kind: { $case: 'fixedSource', value: { partitionCount, layout } } };
    }
    default:
      return assertNever(partitioning);
  }
}

function partitioningFromWire(wire: WirePartitioning | undefined, field: string): Partitioning {
  const kind = required(wire?.kind, field);
  switch (kind.$case) {
    case 'single':
      return { kind: 'single' };
    case 'source':
      return { kind: 'source', sourceId: kind.value.sourceId as SourceId };
    case 'hash':
      return { kind: 'hash' };
    case 'arbitrary':
      return { kind: 'arbitrary' };
    case 'scaledWriter':
      return { kind: 'scaled-writer' };
    case 'fixedSource': {
      const { partitionCount, layout } = kind.value;
      return { kind: 'fixed-source', partitionCount, layout };
    }
    default:
      return assertNever(kind);
  }
}

function outputToWire({ consumer, scheme }: FragmentOutput): WireFragmentOutput {
  return {
    consumer:
      consumer.kind === 'client'
        ? undefined
        : { fragmentId: consumer.fragmentId, sourceId: consumer.sourceId },
    scheme: {
      kind: SCHEME_KINDS.toWire(scheme.kind),
      keys: scheme.kind === 'hash' ? scheme.keys : [],
    },
  };
}

function outputFromWire({ consumer, scheme }: WireFragmentOutput, field: string): FragmentOutput {
  return {
    consumer:
      consumer === undefined
        ? { kind: 'client' }
        : {
            kind: 'fragment',
            fragmentId: consumer.fragmentId as FragmentId,
            sourceId: consumer.sourceId as SourceId,
          },
    scheme: schemeFromWire(required(scheme, `${field}.scheme`), `${field}.scheme`),
  };
}

function schemeFromWire(wire: WirePartitioningScheme, field: string): PartitioningScheme {
  const kind = SCHEME_KINDS.fromWire(wire.kind, `${field}.kind`);
  if (kind === 'hash') return { kind, keys: wire.keys };
  if (wire.keys.length > 0) throw invalidField(`${field}.keys`, `a ${kind} scheme has no keys`);
  return { kind };
}

function scanToWire(scan: ScanInput): WireScanInput {
  return {
    sourceId: scan.sourceId,
    name: scan.name,
    format: scan.format,
    columns: columnsToWire(scan.columns),
    table: scan.table,
    partitioning:
      scan.partitioning === undefined
        ? undefined
        : {
            predicates: scan.partitioning.predicates,
            mismatch: MISMATCHES.toWire(scan.partitioning.mismatch),
          },
    filteredColumns: (scan.filteredColumns ?? []).map(filteredColumnToWire),
    inFileOrder: scan.inFileOrder === true,
  };
}

function scanFromWire(wire: WireScanInput, field: string): ScanInput {
  return {
    sourceId: wire.sourceId as SourceId,
    name: requiredText(wire.name, `${field}.name`),
    format: parsed(wire.format, parseFileFormat, `${field}.format`),
    columns: columnsFromWire(wire.columns, `${field}.columns`),
    table: wire.table,
    ...scanPartitioningFromWire(wire.partitioning, `${field}.partitioning`),
    ...filteredColumnsFromWire(wire, field),
    ...(wire.inFileOrder ? { inFileOrder: true } : {}),
  };
}

function filteredColumnsFromWire(
  { filteredColumns }: WireScanInput,
  field: string,
): Pick<ScanInput, 'filteredColumns'> {
  if (filteredColumns.length === 0) return {};
  return {
    filteredColumns: filteredColumns.map((column, i) =>
      filteredColumnFromWire(column, `${field}.filtered_columns[${i}]`),
    ),
  };
}

function scanPartitioningFromWire(
  wire: WireScanInput['partitioning'],
  field: string,
): { partitioning?: ScanPartitioning } {
  if (wire === undefined) return {};
  const { predicates } = wire;
  const mismatch = MISMATCHES.fromWire(wire.mismatch, `${field}.mismatch`);
  return { partitioning: { predicates, mismatch } };
}

function remoteSourceToWire(source: RemoteSource): WireRemoteSource {
  return {
    sourceId: source.sourceId,
    name: source.name,
    producers: source.producers,
    delivery: DELIVERIES.toWire(source.delivery),
    types: source.types.map(columnTypeToWire),
    estimatedRows: source.estimatedRows,
    rowLimit: source.rowLimit === undefined ? undefined : BigInt(source.rowLimit),
    systemTable: source.systemTable,
  };
}

function remoteSourceFromWire(wire: WireRemoteSource, field: string): RemoteSource {
  return {
    sourceId: wire.sourceId as SourceId,
    name: requiredText(wire.name, `${field}.name`),
    producers: wire.producers as readonly FragmentId[],
    delivery: DELIVERIES.fromWire(wire.delivery, `${field}.delivery`),
    types: wire.types.map((type, i) => columnTypeFromWire(type, `${field}.types[${i}]`)),
    estimatedRows: finite(wire.estimatedRows, `${field}.estimated_rows`),
    ...rowLimitFromWire(wire.rowLimit, field),
    ...(wire.systemTable === undefined
      ? {}
      : { systemTable: parsed(wire.systemTable, findSystemTable, `${field}.system_table`) }),
  };
}
