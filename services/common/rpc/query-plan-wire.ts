/** A whole plan as PlannerService streams it: the header, then the files of the scans in chunks. */
import {
  ExplainFormat as WireExplainFormat,
  PlanHeader,
  PlannerServiceService,
  type PlanResponse,
  type ScanFile as WireScanFile,
  type ScanSummary,
} from '../../../proto/gen/skein/internal/v1/planner.ts';
import { assertNever } from '../assert.ts';
import { EngineError, fromErrorReport } from '../error.ts';
import type { SourceId } from '../ids.ts';
import type {
  ExplainFormat,
  QueryPlan,
  Rung,
  ScanDescriptor,
  ScanFile,
} from '../plan/plan-fragment.ts';
import { keyBoundsFromWire, keyBoundsToWire } from './dynamic-filter-wire.ts';
import { errorReportFromWire, errorReportToWire } from './error-wire.ts';
import { limitsOf } from './method-limits.ts';
import { planFragmentFromWire, planFragmentToWire } from './plan-wire.ts';
import { sessionFromWire, sessionToWire } from './session-wire.ts';
import {
  enumMapping,
  finite,
  invalidField,
  parsed,
  requiredText,
  safeInteger,
} from './wire-field.ts';
import type { ErrorReport } from '../error.ts';

const RUNGS: Readonly<Record<Rung, true>> = {
  distributed: true,
  small: true,
  'single-over-scans': true,
  whole: true,
};

const EXPLAIN_FORMATS = enumMapping<ExplainFormat, WireExplainFormat>({
  text: WireExplainFormat.EXPLAIN_FORMAT_TEXT,
  json: WireExplainFormat.EXPLAIN_FORMAT_JSON,
});

function analysisFromWire(wire: WireExplainFormat): Pick<QueryPlan, 'analysis'> {
  if (wire === WireExplainFormat.EXPLAIN_FORMAT_UNSPECIFIED) return {};
  return { analysis: EXPLAIN_FORMATS.fromWire(wire, 'analysis') };
}

function parseRung(text: string): Rung | undefined {
  return Object.hasOwn(RUNGS, text) ? (text as Rung) : undefined;
}

/** A chunk is closed when it holds this many row groups, files and pieces of paths: about 256 KiB on the wire. */
const CHUNK_ITEM_COUNT = 8_192;
/** Of a path; they take about as much as a row group. */
const ITEM_CHARACTERS = 16;
/** Of a row group; they take about as much as another one. */
const ITEM_PARTITIONS = 16;
/** Tag and length around a header. */
const ENVELOPE_BYTES = 16;

/**
 * The messages that carry a plan. Their size does not grow with the tables.
 * @throws EngineError STATEMENT_TOO_LARGE when the fragments take more than a message may
 */
export function* planToWire(plan: QueryPlan): Generator<PlanResponse> {
  const header: PlanHeader = {
    fragments: plan.fragments.map(planFragmentToWire),
    rung: plan.rung,
    rungReason: plan.rungReason,
    analysis:
      plan.analysis === undefined
        ? WireExplainFormat.EXPLAIN_FORMAT_UNSPECIFIED
        : EXPLAIN_FORMATS.toWire(plan.analysis),
    scans: plan.scans.map((scan) => ({
      sourceId: scan.sourceId,
      fileCount: scan.files.length,
      totalRows: BigInt(scan.totalRows),
      totalBytes: BigInt(scan.totalBytes),
      pruned: scan.pruned,
    })),
    session: plan.session === undefined ? undefined : sessionToWire(plan.session),
    question: plan.question ?? '',
    basis: plan.holdsWhile === undefined ? undefined : { paths: [...plan.holdsWhile] },
  };
  const sizeBytes = PlanHeader.encode(header).finish().length;
  const limitBytes = limitsOf(PlannerServiceService.plan.path).maxResponseBytes - ENVELOPE_BYTES;
  if (sizeBytes > limitBytes) {
    const message = `the plan of the statement takes ${sizeBytes} bytes; the limit is ${limitBytes}`;
    throw new EngineError('STATEMENT_TOO_LARGE', message);
  }
  yield { part: { $case: 'header', value: header } };
  for (const scan of plan.scans) yield* scanFilesToWire(scan);
}

/** The one message that answers a statement which is at fault. */
export function planErrorToWire(report: ErrorReport): PlanResponse {
  return { part: { $case: 'error', value: errorReportToWire(report) } };
}

function* scanFilesToWire(scan: ScanDescriptor): Generator<PlanResponse> {
  let files: WireScanFile[] = [];
  let itemCount = 0;
  const chunk = (): PlanResponse => ({
    part: { $case: 'scanFiles', value: { sourceId: scan.sourceId, files } },
  });
  for (const file of scan.files) {
    files.push(scanFileToWire(file));
    itemCount += 4 + Math.ceil(textLength(file) / ITEM_CHARACTERS) + rowGroupItems(file);
    if (itemCount < CHUNK_ITEM_COUNT) continue;
    yield chunk();
    files = [];
    itemCount = 0;
  }
  if (files.length > 0) yield chunk();
}

function textLength({ path, reading }: ScanFile): number {
  const { options = '', missing = [] } = reading ?? {};
  return [options, ...missing].reduce((sum, text) => sum + text.length, path.length);
}

function rowGroupItems({ rowGroups }: ScanFile): number {
  return rowGroups.reduce(
    (count, { partitions = [], bounds = [] }) =>
      count + 1 + bounds.length + Math.floor(partitions.length / ITEM_PARTITIONS),
    0,
  );
}

function scanFileToWire(file: ScanFile): WireScanFile {
  return {
    path: file.path,
    sizeBytes: BigInt(file.sizeBytes),
    modifiedAtMs: file.modifiedAtMs,
    rowGroups: file.rowGroups.map((group) => ({
      firstRow: BigInt(group.firstRow),
      rowCount: BigInt(group.rowCount),
      bytes: BigInt(group.bytes),
      partitions: group.partitions ?? [],
      bounds: (group.bounds ?? []).map(keyBoundsToWire),
    })),
    reading: file.reading,
  };
}

/**
 * Puts a plan together again. Throws the planner's own error when the statement is at fault, INVALID_REQUEST
 * when the stream is not a whole plan.
 */
export async function planFromWire(responses: AsyncIterable<PlanResponse>): Promise<QueryPlan> {
  let plan: Omit<QueryPlan, 'scans'> | undefined;
  let summaries: readonly ScanSummary[] = [];
  const filesBySource = new Map<number, ScanFile[]>();
  for await (const { part } of responses) {
    if (part === undefined) throw invalidField('part', 'is missing');
    switch (part.$case) {
      case 'error':
        throw fromErrorReport(errorReportFromWire(part.value, 'error'));
      case 'header':
        summaries = part.value.scans;
        for (const { sourceId } of summaries) filesBySource.set(sourceId, []);
        plan = {
          fragments: part.value.fragments.map((f, i) => planFragmentFromWire(f, `fragments[${i}]`)),
          rung: parsed(part.value.rung, parseRung, 'rung'),
          rungReason: part.value.rungReason,
          ...(part.value.question === '' ? {} : { question: part.value.question }),
          ...(part.value.basis === undefined ? {} : { holdsWhile: part.value.basis.paths }),
          ...analysisFromWire(part.value.analysis),
          ...(part.value.session === undefined
            ? {}
            : { session: sessionFromWire(part.value.session, 'session') }),
        };
        break;
      case 'scanFiles': {
        const files = filesBySource.get(part.value.sourceId);
        if (files === undefined)
          throw invalidField('scan_files.source_id', 'names no scan of the header');
        for (const file of part.value.files) files.push(scanFileFromWire(file, 'scan_files.files'));
        break;
      }
      default:
        assertNever(part);
    }
  }
  if (plan === undefined || (plan.fragments.length === 0 && plan.question === undefined)) {
    throw new EngineError('INVALID_REQUEST', 'the plan has no fragments');
  }
  return { ...plan, scans: summaries.map((summary) => scanFromSummary(summary, filesBySource)) };
}

function scanFromSummary(
  summary: ScanSummary,
  filesBySource: ReadonlyMap<number, readonly ScanFile[]>,
): ScanDescriptor {
  const files = filesBySource.get(summary.sourceId) ?? [];
  if (files.length !== summary.fileCount) {
    throw invalidField('scans.file_count', `${summary.fileCount} announced, ${files.length} sent`);
  }
  return {
    sourceId: summary.sourceId as SourceId,
    files,
    totalRows: safeInteger(summary.totalRows, 'scans.total_rows'),
    totalBytes: safeInteger(summary.totalBytes, 'scans.total_bytes'),
    ...(summary.pruned === undefined ? {} : { pruned: summary.pruned }),
  };
}

function scanFileFromWire(wire: WireScanFile, field: string): ScanFile {
  return {
    path: requiredText(wire.path, `${field}.path`),
    sizeBytes: safeInteger(wire.sizeBytes, `${field}.size_bytes`),
    modifiedAtMs: finite(wire.modifiedAtMs, `${field}.modified_at_ms`),
    rowGroups: wire.rowGroups.map((group) => ({
      firstRow: safeInteger(group.firstRow, `${field}.row_groups.first_row`),
      rowCount: safeInteger(group.rowCount, `${field}.row_groups.row_count`),
      bytes: safeInteger(group.bytes, `${field}.row_groups.bytes`),
      ...(group.partitions.length === 0 ? {} : { partitions: group.partitions }),
      ...(group.bounds.length === 0 ? {} : { bounds: group.bounds.map(keyBoundsFromWire) }),
    })),
    ...(wire.reading === undefined ? {} : { reading: wire.reading }),
  };
}
