import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes with back-pressure: resolves when the stream takes more. */
export async function writeAll(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  if (!stream.write(chunk)) await once(stream, 'drain');
}
