import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { canonicalJson } from '../../../../services/coordinator/log/canonical-json.ts';
import {
  RECORDING_SUFFIX,
  recordingsIn,
} from '../../../../services/coordinator/log/file-query-log.ts';
import { recordedLine, replayRecording } from '../../../../services/coordinator/log/recording.ts';
import type { LoggedTurn } from '../../../../services/coordinator/runtime/ports.ts';
import {
  createQueryScheduler,
  onEvent,
} from '../../../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerEvent } from '../../../../services/coordinator/scheduler/scheduler-event.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { aScanFragment, someNodes, someSplits, toClient } from '../../../support/plan-builders.ts';
import { DEADLINE, QUERY_ID, SchedulerDriver } from '../../../support/scheduler-driver.ts';

const FRAGMENTS = [aScanFragment(0, { sourceId: 1, output: toClient() })];

/** A small query from its creation to its end, with an inline result. */
function aHistory(): LoggedTurn[] {
  const init = {
    queryId: QUERY_ID,
    fragments: FRAGMENTS,
    nodes: someNodes(2),
    deadline: DEADLINE,
    options: DEFAULT_SCHEDULER_OPTIONS,
  };
  const created = createQueryScheduler(init, 1 as Instant);
  const turns: LoggedTurn[] = [
    { kind: 'created', now: 1 as Instant, init, effects: created.effects },
  ];
  const driver = new SchedulerDriver(FRAGMENTS);
  const send = (event: SchedulerEvent): void => {
    const now = (turns.length + 1) as Instant;
    driver.send(event);
    turns.push({ kind: 'event', now, event, effects: onEvent(created.state, event, now) });
  };
  const splits = someSplits(1, 4);
  send({
    kind: 'splits-loaded',
    sourceId: FRAGMENTS[0]!.scans[0]!.sourceId,
    batch: 0,
    splits,
    last: true,
  });
  for (const partition of [0, 1]) {
    const inlinePages = [Uint8Array.of(partition, 2, 3)];
    send({ kind: 'task-status', status: driver.status(0, partition, 'running') });
    send({
      kind: 'task-status',
      status: driver.status(0, partition, { state: 'finished', inlinePages }),
    });
  }
  return turns;
}

describe('a recording', () => {
  const lines = aHistory().map(recordedLine);

  it('replays to the same effects, pages or not', () => {
    const report = replayRecording(lines.join(''));
    expect(report).toMatchObject({ turnCount: 6, divergence: undefined });
    expect(report.state.query.kind).toBe('finished');
    expect(lines.join('')).not.toContain('inlinePages":[{"0"');
  });

  it('shows the first turn that is decided otherwise', () => {
    const changed = lines.map((line, index) =>
      index === 2 ? line.replace(/"effectsHash":"./, '"effectsHash":"?') : line,
    );
    expect(replayRecording(changed.join('')).divergence).toMatchObject({ line: 3 });
  });

  it('shows an event that was changed', () => {
    const changed = lines.map((line, index) =>
      index === 1 ? line.replace('"last":true', '"last":false') : line,
    );
    expect(replayRecording(changed.join('')).divergence).toMatchObject({ line: 2 });
  });

  it('is written to a file per query', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'skein-recording-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const queryLog = recordingsIn(join(directory, 'deep'), silentLogger)(QUERY_ID);
    for (const turn of aHistory()) await queryLog.append([turn]);
    await queryLog.close();
    const path = join(directory, 'deep', QUERY_ID + RECORDING_SUFFIX);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    const modes = [dirname(path), path].map((made) => statSync(made).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600]);
  });
});

describe('canonicalJson', () => {
  it('is the same for equal values and their JSON round trip', () => {
    const value = { b: [1, { d: undefined, c: 'x' }], a: Uint8Array.of(1) };
    const text = canonicalJson(value);
    expect(text).toBe(canonicalJson({ a: Uint8Array.of(1), b: [1, { c: 'x' }] }));
    expect(canonicalJson(JSON.parse(text))).toBe(text);
    expect(text).not.toBe(canonicalJson({ ...value, a: Uint8Array.of(2) }));
  });
});
