import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilterId, NodeId, NodeInstanceId } from '../../../../services/common/ids.ts';
import { NO_TASK_STATS, type TaskStatus } from '../../../../services/common/task/task-status.ts';
import { ControlOutbox } from '../../../../services/worker/rpc/control-outbox.ts';
import { aTaskId } from '../../../support/task-fakes.ts';

const status = (partition: number, version: number): TaskStatus => ({
  taskId: aTaskId({ partitionId: partition as never }),
  nodeId: 'worker-1' as NodeId,
  nodeInstanceId: 'run-1' as NodeInstanceId,
  version,
  state: 'running',
  outputs: [],
  queuedSplitWeight: 0,
  receivedSplits: [],
  blockedReason: 'none',
  stats: NO_TASK_STATS,
});

describe('the outbox of statuses', () => {
  it('sends only the newest of a task that waits', () => {
    const outbox = new ControlOutbox();
    outbox.add(status(1, 1));
    outbox.add(status(2, 1));
    outbox.add(status(1, 2));
    expect(outbox.next()).toMatchObject({ sequence: 1, status: { taskId: { partitionId: 2 } } });
    expect(outbox.next()).toMatchObject({ sequence: 2, status: { version: 2 } });
    expect(outbox.next()).toBeUndefined();
  });

  it('hands on what a waiting status has collected for dynamic filters: it is said only once', () => {
    const outbox = new ControlOutbox();
    const collectedDomains = [{ filterId: 0 as FilterId, domain: { kind: 'none' } as const }];
    outbox.add({ ...status(1, 1), collectedDomains });
    outbox.add(status(1, 2));
    expect(outbox.next()?.status).toEqual({ ...status(1, 2), collectedDomains });
    outbox.add(status(1, 3));
    expect(outbox.next()?.status).toEqual(status(1, 3));
  });

  it('holds back when a thousand are not acknowledged', () => {
    const outbox = new ControlOutbox();
    for (let task = 0; task < 1001; task += 1) outbox.add(status(task, 1));
    for (let task = 0; task < 1000; task += 1) expect(outbox.next()).toBeDefined();
    expect(outbox.next()).toBeUndefined();
    outbox.acknowledge(1);
    expect(outbox.next()?.sequence).toBe(1001);
  });

  it('loses nothing and repeats nothing that has arrived, whatever breaks (resend)', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), task: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constantFrom('send' as const, 'lose' as const, 'ack' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new ControlOutbox();
        const newest = new Map<number, number>();
        const arrived = new Map<number, number>();
        let received = 0;
        const deliver = (): boolean => {
          const sent = outbox.next();
          if (sent === undefined) return false;
          expect(sent.sequence).toBe(received + 1);
          received = sent.sequence;
          arrived.set(sent.status.taskId.partitionId, sent.status.version);
          return true;
        };
        for (const each of steps) {
          if (each.kind === 'add') {
            const version = (newest.get(each.task) ?? 0) + 1;
            newest.set(each.task, version);
            outbox.add(status(each.task, version));
          } else if (each.kind === 'send') deliver();
          else if (each.kind === 'ack') outbox.acknowledge(received);
          else {
            // Sent, and lost with the connection.
            outbox.next();
            outbox.reconnect(received);
          }
        }
        while (deliver());
        expect(arrived).toEqual(newest);
      }),
    );
  });
});
