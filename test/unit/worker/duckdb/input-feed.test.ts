import { describe, expect, it } from 'vitest';
import type { Page } from '../../../../services/common/page/page.ts';
import { InputFeed } from '../../../../services/worker/duckdb/input-feed.ts';
import { settle } from '../../../support/virtual-clock.ts';

const MIB = 1 << 20;

function feedOf(pageCount: number): {
  feed: InputFeed;
  sent: (number | 'end')[];
  reads: () => number;
} {
  const sent: (number | 'end')[] = [];
  let reads = 0;
  const read = (): Promise<Page | undefined> => {
    reads += 1;
    return Promise.resolve(reads <= pageCount ? new ArrayBuffer(MIB) : undefined);
  };
  const feed = new InputFeed(read, (page) => sent.push(page?.byteLength ?? 'end'));
  return { feed, sent, reads: () => reads };
}

describe('an input feed', () => {
  it('keeps a few megabytes ahead of the slot, and no more', async () => {
    const { feed, sent } = feedOf(10);
    const running = feed.run();
    await settle();
    expect(sent).toHaveLength(4);
    feed.onConsumed(MIB);
    await settle();
    expect(sent).toHaveLength(5);
    for (let page = 0; page < 9; page += 1) {
      feed.onConsumed(MIB);
      await settle();
    }
    await running;
    expect(sent).toHaveLength(11);
    expect(sent.at(-1)).toBe('end');
  });

  it('reads nothing more once it is stopped', async () => {
    const { feed, sent, reads } = feedOf(10);
    const running = feed.run();
    await settle();
    const before = reads();
    feed.stop();
    await running;
    expect(reads()).toBe(before);
    expect(sent).not.toContain('end');
  });

  it('fails as reading does', async () => {
    const broken = new InputFeed(
      () => Promise.reject(new Error('gone')),
      () => undefined,
    );
    await expect(broken.run()).rejects.toThrow('gone');
  });
});
