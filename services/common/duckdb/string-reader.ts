/**
 * Reads vectors of strings (text, blobs, bits …). DuckDB's string entry is 16 bytes: a 32-bit length and then
 * either up to 12 bytes of the string itself, or 4 bytes of it and a pointer to all of them.
 *
 * Long strings mostly lie behind each other in a heap, so that one call of the bindings reads many: a run.
 * A run may skip small gaps, since memory is mapped in pages of at least 4 KiB: between two readable bytes
 * that are less than a page apart no unreadable page fits.
 */
import duckdb from '@duckdb/node-bindings';
import { testBit } from '../page/bitmap.ts';
import { type Bitmap, type BytesColumn, isContiguous } from '../page/column-vector.ts';
import { MAX_INLINE_BYTES, STRING_ENTRY_BYTES } from './string-entry.ts';
import { expectReadable, readData, readValidity } from './vector-memory.ts';

const MAX_GAP_BYTES = 1024;
const MAX_RUN_BYTES = 1 << 26;
/** Strings from this length on are looked up among all that came before, not only the last one. */
const SHARED_STRING_BYTES = 1024;
const TWO_TO_32 = 2 ** 32;

/** Reads the strings of the rows of `mask` (`undefined` = all). */
export function readStrings(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): BytesColumn {
  const validity = readValidity(vector, rowCount, mask);
  const entries = readData(vector, rowCount * STRING_ENTRY_BYTES);
  const survey = surveyStrings(entries, rowCount, validity);
  const ranges =
    survey.runs.length === 1 && survey.inlineBytes === 0
      ? viewRun(entries, survey)
      : copyStrings(entries, survey);
  const { starts, ends } = ranges;
  return { kind: 'bytes', rowCount, validity, contiguous: isContiguous(starts, ends), ...ranges };
}

/** Rows [firstRow, endRow) whose long strings lie in `byteLength` bytes from the pointer of row `pointerRow`. */
interface Run {
  readonly pointerRow: number;
  readonly address: number;
  byteLength: number;
  endRow: number;
}

interface Survey {
  readonly lengths: Uint32Array;
  /** Where a long string starts within its run; a negative number -1 - r: it is the same as row r's. */
  readonly positions: Int32Array;
  readonly runs: readonly Run[];
  readonly inlineBytes: number;
  /** Bytes of all strings, counting those that are the same as an earlier one once. */
  readonly totalBytes: number;
}

/** Finds lengths, runs and repetitions. NULLs count as empty strings. */
function surveyStrings(
  entries: Uint8Array,
  rowCount: number,
  validity: Bitmap | undefined,
): Survey {
  const words = new Uint32Array(entries.buffer, entries.byteOffset, rowCount * 4);
  const lengths = new Uint32Array(rowCount);
  const positions = new Int32Array(rowCount);
  const repeats = new RepeatedStrings();
  const runs: Run[] = [];
  let run: Run | undefined;
  let inlineBytes = 0;
  let longBytes = 0;
  for (let row = 0; row < rowCount; row += 1) {
    if (validity !== undefined && !testBit(validity, row)) continue;
    const length = words[row * 4]!;
    lengths[row] = length;
    if (length <= MAX_INLINE_BYTES) {
      inlineBytes += length;
      continue;
    }
    const address = words[row * 4 + 3]! * TWO_TO_32 + words[row * 4 + 2]!;
    const same = repeats.find(address, length, row);
    if (same !== undefined) {
      positions[row] = -1 - same;
      continue;
    }
    longBytes += length;
    if (run === undefined || !extendRun(run, address, length)) {
      run = { pointerRow: row, address, byteLength: length, endRow: row };
      runs.push(run);
    }
    positions[row] = address - run.address;
    run.endRow = row + 1;
  }
  expectReadable(inlineBytes + longBytes);
  return { lengths, positions, runs, inlineBytes, totalBytes: inlineBytes + longBytes };
}

function extendRun(run: Run, address: number, length: number): boolean {
  const gap = address - run.address - run.byteLength;
  if (gap < 0 || gap > MAX_GAP_BYTES) return false;
  const byteLength = run.byteLength + gap + length;
  if (byteLength > MAX_RUN_BYTES) return false;
  run.byteLength = byteLength;
  return true;
}

/** Knows the string before and all large ones, so that a repeated large value is read once. */
class RepeatedStrings {
  #lastAddress = 0;
  #lastLength = 0;
  #lastRow = 0;
  #large: Map<number, { readonly length: number; readonly row: number }> | undefined;

  /** An earlier row with the same string, if known. */
  find(address: number, length: number, row: number): number | undefined {
    if (address === this.#lastAddress && length === this.#lastLength) return this.#lastRow;
    if (length >= SHARED_STRING_BYTES) {
      this.#large ??= new Map();
      const earlier = this.#large.get(address);
      if (earlier?.length === length) return earlier.row;
      this.#large.set(address, { length, row });
    }
    this.#lastAddress = address;
    this.#lastLength = length;
    this.#lastRow = row;
    return undefined;
  }
}

type Ranges = Pick<BytesColumn, 'starts' | 'ends' | 'bytes'>;

/** All strings are long or empty and lie in one run: its memory is the column's. */
function viewRun(entries: Uint8Array, survey: Survey): Ranges {
  const { lengths, positions } = survey;
  const starts = new Uint32Array(lengths.length);
  const ends = new Uint32Array(lengths.length);
  let end = 0;
  for (let row = 0; row < lengths.length; row += 1) {
    const length = lengths[row]!;
    const position = positions[row]!;
    const start = length === 0 ? end : position < 0 ? starts[-1 - position]! : position;
    end = start + length;
    starts[row] = start;
    ends[row] = end;
  }
  return { starts, ends, bytes: readRun(entries, survey.runs[0]!) };
}

/** Copies inline and long strings into one buffer, in the order of their rows. */
function copyStrings(entries: Uint8Array, survey: Survey): Ranges {
  const { lengths, positions, runs } = survey;
  const starts = new Uint32Array(lengths.length);
  const ends = new Uint32Array(lengths.length);
  const target = new SpanWriter(survey.totalBytes);
  let runIndex = 0;
  let run = runs[0];
  if (run !== undefined) target.source = readRun(entries, run);
  for (let row = 0; row < lengths.length; row += 1) {
    const length = lengths[row]!;
    const position = positions[row]!;
    starts[row] = target.end;
    if (length <= MAX_INLINE_BYTES)
      target.copyInline(entries, row * STRING_ENTRY_BYTES + 4, length);
    else if (position < 0) {
      starts[row] = starts[-1 - position]!;
      ends[row] = ends[-1 - position]!;
      continue;
    } else {
      if (row >= run!.endRow) {
        run = runs[++runIndex]!;
        target.flush();
        target.source = readRun(entries, run);
      }
      target.copySpan(position, length);
    }
    ends[row] = target.end;
  }
  target.flush();
  return { starts, ends, bytes: target.bytes };
}

function readRun(entries: Uint8Array, run: Run): Uint8Array {
  const pointerAt = entries.byteOffset + run.pointerRow * STRING_ENTRY_BYTES + 8;
  return duckdb.get_data_from_pointer(entries.buffer as ArrayBuffer, pointerAt, run.byteLength);
}

/** Writes strings behind each other; spans that touch in source and target are copied at once. */
class SpanWriter {
  readonly bytes: Uint8Array;
  source: Uint8Array = new Uint8Array(0);
  end = 0;
  #spanStart = 0;
  #spanEnd = 0;

  constructor(totalBytes: number) {
    this.bytes = new Uint8Array(totalBytes);
  }

  copyInline(entries: Uint8Array, from: number, length: number): void {
    if (length === 0) return;
    this.flush();
    const { bytes } = this;
    let at = this.end;
    for (let index = from; index < from + length; index += 1) bytes[at++] = entries[index]!;
    this.end = at;
  }

  copySpan(from: number, length: number): void {
    if (from !== this.#spanEnd || this.#spanStart === this.#spanEnd) {
      this.flush();
      this.#spanStart = from;
    }
    this.#spanEnd = from + length;
    this.end += length;
  }

  flush(): void {
    const from = this.#spanStart;
    const length = this.#spanEnd - from;
    if (length === 0) return;
    this.bytes.set(this.source.subarray(from, from + length), this.end - length);
    this.#spanStart = 0;
    this.#spanEnd = 0;
  }
}
