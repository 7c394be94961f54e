import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkMerger } from '../../../../services/gateway/result/chunk-merger.ts';
import type { ResultChunk } from '../../../../services/gateway/result/result-stream.ts';

function chunkOf(bytes: number, index: number): ResultChunk {
  return {
    arrowIpc: new Uint8Array(bytes).fill(index),
    token: Uint8Array.of(index),
    complete: false,
  };
}

function merged(sizes: readonly number[]): readonly ResultChunk[] {
  const merger = new ChunkMerger();
  const chunks = sizes.flatMap((bytes, index) => [...merger.add(chunkOf(bytes, index))]);
  return [...chunks, ...merger.flush()];
}

describe('a merger of chunks', () => {
  it('keeps all bytes in their order, and each message the token of its last byte', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 9 }), (sizes) => {
        const given = Buffer.concat(sizes.map((bytes, index) => chunkOf(bytes, index).arrowIpc));
        const messages = merged(sizes);
        expect(Buffer.concat(messages.map(({ arrowIpc }) => arrowIpc)).equals(given)).toBe(true);
        for (const { arrowIpc, token } of messages) expect(token?.[0]).toBe(arrowIpc.at(-1));
      }),
      { numRuns: 50 },
    );
  });

  it('joins up to 64 KiB and leaves a larger chunk alone', () => {
    const sizes = merged([1_000, 64_536, 1, 70_000, 5]).map(({ arrowIpc }) => arrowIpc.byteLength);
    expect(sizes).toEqual([65_536, 1, 70_000, 5]);
  });

  it('gives nothing when nothing waits', () => {
    expect([...new ChunkMerger().flush()]).toEqual([]);
  });
});
