/** Whether files are still those that were planned, by size and time of their last change. */
import { statSync } from 'node:fs';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { EngineError } from '../../common/error.ts';
import { isObjectPath } from '../../common/plan/object-path.ts';
import { quoteString } from '../../common/plan/column-type.ts';
import type { ScanInput } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import { readText, type SlotConnection } from './slot-connection.ts';
import { sourceError } from './source-error.ts';

/** Times are doubles of milliseconds, whose last bits differ between ways to read them. */
const SAME_TIME_MS = 0.001;
/** An object store says the time of one object in whole seconds, that of a listed one in milliseconds. */
const SAME_OBJECT_TIME_MS = 1_000;

interface FileState {
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface SourceCheck {
  readonly connection: SlotConnection;
  readonly scan: ScanInput;
  readonly splits: readonly FileSplit[];
  /** The task's. */
  readonly partition: number;
}

/** @throws EngineError SOURCE_NOT_FOUND or SOURCE_CHANGED when a file is not the one that was planned. */
export async function expectUnchanged({ connection, scan, splits }: SourceCheck): Promise<void> {
  const files = [...new Map(splits.map((split) => [split.path, split])).values()];
  const objects = files.filter(({ path }) => isObjectPath(path));
  const states = await objectStates(connection, objects);
  for (const file of files) {
    const { path } = file;
    const isObject = isObjectPath(path);
    const found = isObject ? states.get(path) : statFile(scan, path);
    if (found === undefined) {
      throw sourceError('SOURCE_NOT_FOUND', `${path} does not exist any more`, { scan, path });
    }
    const toleranceMs = isObject ? SAME_OBJECT_TIME_MS : SAME_TIME_MS;
    const isSameTime = Math.abs(found.modifiedAtMs - file.modifiedAtMs) <= toleranceMs;
    if (isSameTime && found.sizeBytes === file.sizeBytes) continue;
    const message = `${path} changed after the query was planned`;
    throw sourceError('SOURCE_CHANGED', message, { scan, path });
  }
}

function statFile(scan: ScanInput, path: string): FileState | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && { sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs };
  } catch (cause) {
    throw sourceError('SOURCE_READ_FAILED', `${path} cannot be read`, { scan, path, cause });
  }
}

/** One line for each object: size, time and name. Content is not asked for, so none is read. */
async function objectStates(
  connection: SlotConnection,
  files: readonly FileSplit[],
): Promise<ReadonlyMap<string, FileState>> {
  if (files.length === 0) return new Map();
  const paths = files.map(({ path }) => path);
  const sql =
    `SELECT coalesce(string_agg(concat_ws(' ', size, epoch_ms(last_modified), filename), chr(10)), '')` +
    ` FROM read_blob([${paths.map(quoteString).join(', ')}])`;
  let lines: string;
  try {
    lines = readText(await connection.run(sql));
  } catch (error) {
    const mapped = toEngineError(error, paths);
    // Only whether it is there was asked: what is wrong is the access, not the content.
    throw mapped.code === 'SOURCE_CORRUPT'
      ? new EngineError('SOURCE_READ_FAILED', mapped.message, {
          details: mapped.details,
          cause: error,
        })
      : mapped;
  }
  return new Map(
    lines.split('\n').map((line) => {
      const [size = '', time = '', ...name] = line.split(' ');
      return [name.join(' '), { sizeBytes: Number(size), modifiedAtMs: Number(time) }];
    }),
  );
}
