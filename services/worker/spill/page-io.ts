/** Whole pages to and from files: what the system writes or reads in part is gone on with. */
import type { FileHandle } from 'node:fs/promises';
import { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';

/** Writes the pages one behind the other. @throws EngineError OUT_OF_DISK, or INTERNAL_ERROR for another failure */
export async function writePages(
  { handle, path }: { readonly handle: FileHandle; readonly path: string },
  pages: readonly Page[],
  position: number,
): Promise<void> {
  let rest = pages.map((page) => new Uint8Array(page)).filter(({ length }) => length > 0);
  let at = position;
  try {
    while (rest.length > 0) {
      const { bytesWritten } = await handle.writev(rest, at);
      at += bytesWritten;
      rest = behind(rest, bytesWritten);
    }
  } catch (cause) {
    throw diskError(cause, path);
  }
}

/** `undefined`: the file ends before. */
export async function readPage(
  handle: FileHandle,
  position: number,
  byteLength: number,
): Promise<Page | undefined> {
  const page = new ArrayBuffer(byteLength);
  for (let done = 0; done < byteLength;) {
    const rest = new Uint8Array(page, done);
    const { bytesRead } = await handle.read(rest, 0, rest.length, position + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return page;
}

export function diskError(cause: unknown, path: string): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isFull = isSystemError(cause) && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
  return new EngineError(
    isFull ? 'OUT_OF_DISK' : 'INTERNAL_ERROR',
    `cannot write the file ${path}: ${reason}`,
    { details: { file: path }, cause },
  );
}

function isSystemError(error: unknown): error is Error & { readonly code: unknown } {
  return error instanceof Error && 'code' in error;
}

function behind(
  parts: readonly Uint8Array<ArrayBuffer>[],
  byteCount: number,
): Uint8Array<ArrayBuffer>[] {
  const rest = [...parts];
  let skip = byteCount;
  while (rest[0] !== undefined && skip >= rest[0].length) skip -= rest.shift()?.length ?? 0;
  if (rest[0] !== undefined && skip > 0) rest[0] = rest[0].subarray(skip);
  return rest;
}
