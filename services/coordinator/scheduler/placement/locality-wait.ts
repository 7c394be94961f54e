/**
 * Delay scheduling (S13, S14, S15): a scan whose preferred nodes are full waits a little before its splits go farther from
 * their data, one level at a time. A level is a depth: how many segments of its location a node shares with a preferred one;
 * the deepest is the preferred node itself, 0 is anywhere.
 */
import type { Instant } from '../../../common/ids.ts';

/** Of one scan. JSON-safe. */
export interface LocalityWait {
  /** Splits keep to this depth or deeper ones; while none is held back, to the deepest there is. */
  depth: number | null;
  /** Since when splits are held back at this depth; null = none is. */
  heldSince: Instant | null;
  /** All of its splits that wait are held back: nothing is placed until a task runs low, a node joins or time passes. */
  isHeld: boolean;
  /** When the timer for the next depth fires; null = it is not armed. */
  timerAt: Instant | null;
}

export interface WaitClock {
  readonly now: Instant;
  /** At each depth; 0 = never. */
  readonly waitMs: number;
}

export function noLocalityWait(): LocalityWait {
  return { depth: null, heldSince: null, isHeld: false, timerAt: null };
}

/**
 * The depth that splits keep to now. `depths`: those at which there are nodes for splits that wait, the deepest first; a
 * depth that is not among them is not waited for.
 */
export function allowedDepth(
  wait: LocalityWait,
  depths: readonly number[],
  { now, waitMs }: WaitClock,
): number {
  if (waitMs === 0) return 0;
  const deepest = depths[0] ?? 0;
  let depth = wait.heldSince === null ? deepest : (wait.depth ?? deepest);
  while (wait.heldSince !== null) {
    const next = depths.find((each) => each < depth);
    if (next === undefined) break;
    if (depths.includes(depth)) {
      if (now - wait.heldSince < waitMs) break;
      wait.heldSince = (wait.heldSince + waitMs) as Instant;
    } else wait.heldSince = now;
    depth = next;
  }
  wait.depth = depth;
  return depth;
}

/**
 * After a round of placement. The wait begins anew only when no split was held back for its location: were it to begin with
 * every split that is placed, splits elsewhere could be held back forever. Returns when to look again, if nobody looks
 * then yet.
 */
export function noteRound(
  wait: LocalityWait,
  heldCount: number,
  { now, waitMs }: WaitClock,
): Instant | undefined {
  if (heldCount === 0) {
    restartLocalityWait(wait);
    return undefined;
  }
  wait.heldSince ??= now;
  const next = (wait.heldSince + waitMs) as Instant;
  if (wait.timerAt !== null && wait.timerAt <= next) return undefined;
  wait.timerAt = next;
  return next;
}

/** The timer that was armed, not one that comes twice. */
export function isTimerDue({ timerAt }: LocalityWait, now: Instant): boolean {
  return timerAt !== null && timerAt <= now;
}

/** The deepest level again: a node has joined that may be nearer (S13), or all was placed. */
export function restartLocalityWait(wait: LocalityWait): void {
  wait.depth = null;
  wait.heldSince = null;
  wait.isHeld = false;
}
