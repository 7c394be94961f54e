import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueryId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { LoggedTurn, QueryLog } from '../runtime/ports.ts';
import { recordedLine } from './recording.ts';

export const RECORDING_SUFFIX = '.recording.jsonl';

/** Opens the log of a query. */
export type OpenQueryLog = (queryId: QueryId) => QueryLog;

/** Recordings in a directory, one file per query. @throws when the directory cannot be made */
export function recordingsIn(directory: string, log: Logger): OpenQueryLog {
  // Plans hold the literals of statements, which are nobody else's business.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return (queryId) => new FileQueryLog(join(directory, queryId + RECORDING_SUFFIX), log);
}

/**
 * One query's recording. It serves people and tests, not recovery: a query does not wait for the disk and does not fail
 * with it; what cannot be written ends the recording, with a line in the log.
 */
class FileQueryLog implements QueryLog {
  readonly #path: string;
  readonly #log: Logger;
  #file: Promise<FileHandle | undefined>;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#file = open(path, 'w', 0o600).catch((error: unknown) => this.#giveUp(error));
  }

  append(turns: readonly LoggedTurn[]): Promise<void> {
    // Before the effects leave and the reducer goes on: both may change what they share with the turn.
    const lines = turns.map(recordedLine).join('');
    this.#file = this.#file.then((file) => this.#write(file, lines));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const file = await this.#file;
    await file?.close().catch((error: unknown) => this.#giveUp(error));
  }

  async #write(file: FileHandle | undefined, lines: string): Promise<FileHandle | undefined> {
    if (file === undefined) return undefined;
    try {
      await file.write(lines);
      return file;
    } catch (error) {
      this.#giveUp(error);
      await file.close().catch(() => undefined);
      return undefined;
    }
  }

  #giveUp(error: unknown): undefined {
    this.#log.error(
      { path: this.#path, err: error },
      'the recording of a query ends: its file cannot be written',
    );
    return undefined;
  }
}
