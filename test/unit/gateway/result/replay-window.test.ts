import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../services/common/ids.ts';
import { ReplayWindow } from '../../../../services/gateway/result/replay-window.ts';

const P0 = 0 as PartitionId;
const P1 = 1 as PartitionId;

describe('the replay window', () => {
  it('drops nothing that is within the window behind the last page sent', () => {
    const window = new ReplayWindow(100, new Map());
    for (let token = 0; token < 10; token += 1) window.onSent({ partition: P0, token, bytes: 10 });
    expect(window.acknowledgedToken(P0)).toBe(0);
  });

  it('drops the oldest pages once the rest of the window is full without them', () => {
    const window = new ReplayWindow(100, new Map());
    for (let token = 0; token < 12; token += 1) window.onSent({ partition: P0, token, bytes: 10 });
    expect(window.acknowledgedToken(P0)).toBe(2);
  });

  it('counts the pages of all tasks in the order in which they were sent', () => {
    const window = new ReplayWindow(20, new Map());
    window.onSent({ partition: P0, token: 0, bytes: 10 });
    window.onSent({ partition: P1, token: 0, bytes: 10 });
    window.onSent({ partition: P1, token: 1, bytes: 10 });
    expect([window.acknowledgedToken(P0), window.acknowledgedToken(P1)]).toEqual([1, 0]);
  });

  it('acknowledges what lies before the token that the client came back with', () => {
    const window = new ReplayWindow(1000, new Map([[P1, 7]]));
    expect([window.acknowledgedToken(P0), window.acknowledgedToken(P1)]).toEqual([0, 7]);
  });

  it('keeps the last page even when it alone exceeds the window', () => {
    const window = new ReplayWindow(5, new Map());
    window.onSent({ partition: P0, token: 0, bytes: 50 });
    expect(window.acknowledgedToken(P0)).toBe(0);
    window.onSent({ partition: P0, token: 1, bytes: 50 });
    expect(window.acknowledgedToken(P0)).toBe(1);
  });
});
