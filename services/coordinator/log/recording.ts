/**
 * A recording: what one query's reducer was told, and what followed. One JSON line per turn; the first line has the
 * query's init, and every line the hash of the effects. Replaying it shows whether the reducer still decides the same.
 */
import type { Instant } from '../../common/ids.ts';
import { createQueryScheduler, onEvent } from '../scheduler/query-scheduler.ts';
import type { SchedulerEffect } from '../scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../scheduler/scheduler-event.ts';
import type { QuerySchedulerInit } from '../scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../scheduler/scheduler-state.ts';
import type { LoggedTurn } from '../runtime/ports.ts';
import { canonicalJson, sha256 } from './canonical-json.ts';

type RecordedTurn =
  | {
      readonly kind: 'created';
      readonly now: Instant;
      readonly init: QuerySchedulerInit;
      readonly effectsHash: string;
    }
  | {
      readonly kind: 'event';
      readonly now: Instant;
      readonly event: SchedulerEvent;
      readonly effectsHash: string;
    };

export function recordedLine(turn: LoggedTurn): string {
  const { effects, ...cause } = turn;
  return `${canonicalJson({ ...cause, effectsHash: hashOf(effects) })}\n`;
}

export interface ReplayReport {
  readonly turnCount: number;
  /** The first turn whose effects differ: its line, from 1, and the effects now. undefined = all are equal. */
  readonly divergence:
    { readonly line: number; readonly effects: readonly SchedulerEffect[] } | undefined;
  readonly state: QuerySchedulerState;
}

/** Runs a recording through the reducer. @throws Error when the text is not a recording */
export function replayRecording(text: string): ReplayReport {
  const [first, ...rest] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedTurn);
  if (first?.kind !== 'created')
    throw new Error('a recording begins with the creation of its query');
  const { state, effects } = createQueryScheduler(first.init, first.now);
  let divergence = divergenceOf(first, { line: 1, effects });
  rest.forEach((turn, index) => {
    if (turn.kind !== 'event')
      throw new Error(`line ${index + 2} of the recording is not an event`);
    const now = { line: index + 2, effects: onEvent(state, turn.event, turn.now) };
    divergence ??= divergenceOf(turn, now);
  });
  return { turnCount: 1 + rest.length, divergence, state };
}

function divergenceOf(
  recorded: RecordedTurn,
  now: NonNullable<ReplayReport['divergence']>,
): ReplayReport['divergence'] {
  return hashOf(now.effects) === recorded.effectsHash ? undefined : now;
}

function hashOf(effects: readonly SchedulerEffect[]): string {
  return sha256(canonicalJson(effects));
}
