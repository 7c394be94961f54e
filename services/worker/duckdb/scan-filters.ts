/**
 * The dynamic filters of a slot's run: SQL over the columns of its scans. Bounds are plain comparisons, by which DuckDB
 * leaves whole row groups unread; a bloom filter is `may_match`, a function of the slot, which also counts.
 */
import duckdb from '@duckdb/node-bindings';
import { readData } from '../../common/duckdb/vector-memory.ts';
import { mayContainHash } from '../../common/dynamic-filter/bloom-filter.ts';
import type { DynamicFilter, FilteredColumn } from '../../common/dynamic-filter/dynamic-filter.ts';
import type { KeyDomain } from '../../common/dynamic-filter/key-domain.ts';
import type { FilterId } from '../../common/ids.ts';
import { formatColumnType } from '../../common/plan/column-type.ts';
import type { ScanInput } from '../../common/plan/plan-fragment.ts';
import { keyLiteral } from './key-text.ts';

export const MAY_MATCH = 'may_match';

/** After so many rows a filter shows what it is worth. */
const TRIAL_ROWS = 32_768;
/** A test that lets more than this share pass costs more than it spares (scheduling.md §7, row filter). */
const MAX_PASS_SHARE = 0.7;

interface OpenFilter {
  readonly domain: KeyDomain;
  readonly bloom: Int32Array | undefined;
  testedRows: number;
  rejectedRows: number;
}

export class ScanFilters {
  readonly #filters = new Map<FilterId, OpenFilter>();
  #rejectedRows = 0;

  /** Forgets the filters of the run before. */
  begin(): void {
    this.#filters.clear();
    this.#rejectedRows = 0;
  }

  add(filters: readonly DynamicFilter[]): void {
    for (const { filterId, domain } of filters) {
      const words = domain.kind === 'some' ? domain.bloom : undefined;
      const bloom = words === undefined ? undefined : Int32Array.from(words);
      this.#filters.set(filterId, { domain, bloom, testedRows: 0, rejectedRows: 0 });
    }
  }

  /** Rows that tests have rejected since the last call. */
  takeRejectedRows(): number {
    const rows = this.#rejectedRows;
    this.#rejectedRows = 0;
    return rows;
  }

  /** No row of the scan can pass. */
  isShut(scan: ScanInput): boolean {
    return (scan.filteredColumns ?? []).some(({ filterId, keepsNulls }) => {
      return !keepsNulls && this.#filters.get(filterId)?.domain.kind === 'none';
    });
  }

  /** True of every row of the scan that is needed; over c0…cn. */
  predicatesOf(scan: ScanInput): readonly string[] {
    return (scan.filteredColumns ?? []).flatMap((column) => {
      const filter = this.#filters.get(column.filterId);
      const tests = filter === undefined ? [] : testsOf(column, filter);
      if (tests.length === 0) return [];
      const all = tests.join(' AND ');
      return column.keepsNulls ? [`(c${column.column} IS NULL OR (${all}))`] : [all];
    });
  }

  /** Registers `may_match(filter id, hash)`; once per instance, since functions cannot be dropped. */
  register(connection: duckdb.Connection): void {
    const mayMatch = duckdb.create_scalar_function();
    duckdb.scalar_function_set_name(mayMatch, MAY_MATCH);
    duckdb.scalar_function_add_parameter(mayMatch, duckdb.create_logical_type(duckdb.Type.INTEGER));
    duckdb.scalar_function_add_parameter(mayMatch, duckdb.create_logical_type(duckdb.Type.UBIGINT));
    duckdb.scalar_function_set_return_type(
      mayMatch,
      duckdb.create_logical_type(duckdb.Type.BOOLEAN),
    );
    duckdb.scalar_function_set_function(mayMatch, (_info, input, output) => {
      this.#test(input, output);
    });
    duckdb.register_scalar_function(connection, mayMatch);
  }

  #test(input: duckdb.DataChunk, output: duckdb.Vector): void {
    const rowCount = duckdb.data_chunk_get_size(input);
    if (rowCount === 0) return;
    const ids = readData(duckdb.data_chunk_get_vector(input, 0), 4);
    const filterId = new Int32Array(ids.buffer, ids.byteOffset, 1)[0] as FilterId;
    const filter = this.#filters.get(filterId);
    const passes = new Uint8Array(rowCount).fill(1);
    if (filter?.bloom !== undefined && isWorthTesting(filter)) {
      const data = readData(duckdb.data_chunk_get_vector(input, 1), rowCount * 8);
      const hashes = new Uint32Array(data.buffer, data.byteOffset, rowCount * 2);
      const rejected = rejectOthers(filter.bloom, hashes, passes);
      filter.testedRows += rowCount;
      filter.rejectedRows += rejected;
      this.#rejectedRows += rejected;
    }
    duckdb.copy_data_to_vector(output, 0, passes.buffer, 0, rowCount);
  }
}

function rejectOthers(bloom: Int32Array, hashes: Uint32Array, passes: Uint8Array): number {
  let rejected = 0;
  for (let row = 0; row < passes.length; row += 1) {
    if (mayContainHash(bloom, hashes[2 * row]!, hashes[2 * row + 1]!)) continue;
    passes[row] = 0;
    rejected += 1;
  }
  return rejected;
}

function isWorthTesting({ testedRows, rejectedRows }: OpenFilter): boolean {
  return testedRows < TRIAL_ROWS || testedRows - rejectedRows <= testedRows * MAX_PASS_SHARE;
}

function testsOf(column: FilteredColumn, filter: OpenFilter): readonly string[] {
  const { domain } = filter;
  if (domain.kind === 'all') return [];
  if (domain.kind === 'none') return ['FALSE'];
  const key = `CAST(c${column.column} AS ${formatColumnType(column.type)})`;
  const { range, values } = domain;
  const { type, filterId } = column;
  const bounds = [
    boundTest(`${key} >= `, range === undefined ? undefined : keyLiteral(type, range.min)),
    boundTest(`${key} <= `, range === undefined ? undefined : keyLiteral(type, range.max)),
  ];
  const literals = values?.map((value) => keyLiteral(type, value)) ?? [];
  const isListed = literals.length > 0 && literals.every((literal) => literal !== undefined);
  return [
    ...bounds.flat(),
    ...(isListed ? [`${key} IN (${literals.join(', ')})`] : []),
    ...(filter.bloom !== undefined && isWorthTesting(filter)
      ? [`${MAY_MATCH}(${filterId}, hash(${key}))`]
      : []),
  ];
}

const boundTest = (test: string, literal: string | undefined): readonly string[] =>
  literal === undefined ? [] : [`${test}${literal}`];
