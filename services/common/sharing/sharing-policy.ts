/**
 * Who of those that share something goes next: children of a resource group for a place to run, queries of a worker for a
 * slot (S5–S7, S20). The same rules in both, so that a group's share is one thing.
 *
 * Nobody starves (I90): every AGED_TURN-th choice is that of who has waited longest, whatever the policy prefers. FIFO needs no
 * such turn, for only a finite number is before anybody.
 */
import { assertNever } from '../assert.ts';
import { compareText } from '../compare-text.ts';

export const SHARING_POLICIES = ['fair', 'fifo', 'weighted', 'priority'] as const;

/**
 * `fair`: first who has less than its minimum share, then who has least for its weight (S7), then who had fewer turns. `fifo`: in the order of arrival
 * (S6). `weighted`: turns in proportion to the weights. `priority`: the highest first, then in the order of arrival.
 */
export type SharingPolicy = (typeof SHARING_POLICIES)[number];

/** What a group is among its siblings. */
export interface ShareTerms {
  readonly name: string;
  /** Among its own children. */
  readonly policy: SharingPolicy;
  /** At least 1. */
  readonly weight: number;
  readonly minShare: number;
  readonly priority: number;
}

/** One that could go next. */
export interface Contender {
  /** Decides between equals; for a query, its number of arrival (`arrivalName`). */
  readonly name: string;
  /** What it has of that which is shared. */
  readonly running: number;
  readonly minShare: number;
  readonly weight: number;
  readonly priority: number;
  /** Number of arrival of its first; for `fifo`. */
  readonly arrival: number;
  /** Number of arrival of what has waited longest in it. */
  readonly waitingSince: number;
  /** It goes behind those that are not. */
  readonly isBeyondSoftLimit: boolean;
  readonly turns: TurnsTaken;
}

/** Of `weighted`: how many turns it has taken, divided by its weight. Plain data, changed by `noteChoice`. */
export interface TurnsTaken {
  virtualTime: number;
}

/** What those who share have had together. Plain data. */
export interface SharedTurns {
  /** Choices so far. */
  count: number;
  /** Who comes anew does not catch up on turns that it had no use for. */
  virtualTime: number;
}

/** One in so many choices goes to who has waited longest. */
export const AGED_TURN = 16;

export function newSharedTurns(): SharedTurns {
  return { count: 0, virtualTime: 0 };
}

/** The next choice is that of who has waited longest. */
export function isAgedTurn(policy: SharingPolicy, { count }: SharedTurns): boolean {
  return policy !== 'fifo' && count % AGED_TURN === AGED_TURN - 1;
}

/** Who goes next; `undefined` = nobody is there. Changes nothing. */
export function chooseNext<T extends Contender>(
  contenders: readonly T[],
  rule: { readonly policy: SharingPolicy; readonly isAged: boolean; readonly shared: SharedTurns },
): T | undefined {
  let best: T | undefined;
  for (const each of contenders)
    if (best === undefined || compareContenders(each, best, rule) < 0) best = each;
  return best;
}

/** The choice was carried out. */
export function noteChoice(chosen: Pick<Contender, 'turns' | 'weight'>, shared: SharedTurns): void {
  const before = Math.max(chosen.turns.virtualTime, shared.virtualTime);
  shared.count += 1;
  shared.virtualTime = before;
  chosen.turns.virtualTime = before + 1 / chosen.weight;
}

/** A name that is in the order of arrival. */
export function arrivalName(arrival: number): string {
  return String(arrival).padStart(16, '0');
}

function compareContenders(
  a: Contender,
  b: Contender,
  {
    policy,
    isAged,
    shared,
  }: { readonly policy: SharingPolicy; readonly isAged: boolean; readonly shared: SharedTurns },
): number {
  if (isAged) return a.waitingSince - b.waitingSince || compareText(a.name, b.name);
  const bySoftLimit = Number(a.isBeyondSoftLimit) - Number(b.isBeyondSoftLimit);
  return bySoftLimit || compareByPolicy(a, b, { policy, shared }) || compareText(a.name, b.name);
}

function compareByPolicy(
  a: Contender,
  b: Contender,
  { policy, shared }: { readonly policy: SharingPolicy; readonly shared: SharedTurns },
): number {
  switch (policy) {
    case 'fifo':
      return a.arrival - b.arrival;
    case 'fair':
      return compareFair(a, b, shared);
    case 'weighted':
      return compareTurns(a, b, shared);
    case 'priority':
      return b.priority - a.priority || a.arrival - b.arrival;
    default:
      return assertNever(policy);
  }
}

/**
 * S7: the needy first, by how far they are below their minimum share; the others by what they have for their weight. Equals by
 * their turns before they are by their names: where there is one place to share, all have nothing whenever it is free.
 */
function compareFair(a: Contender, b: Contender, shared: SharedTurns): number {
  const isNeedy = ({ running, minShare }: Contender): boolean => running < minShare;
  if (isNeedy(a) !== isNeedy(b)) return isNeedy(a) ? -1 : 1;
  const byShare = isNeedy(a)
    ? a.running / a.minShare - b.running / b.minShare
    : a.running / a.weight - b.running / b.weight;
  return byShare || compareTurns(a, b, shared);
}

/** Who has had fewer turns for its weight. */
function compareTurns(a: Contender, b: Contender, shared: SharedTurns): number {
  const timeOf = ({ turns }: Contender): number => Math.max(turns.virtualTime, shared.virtualTime);
  return timeOf(a) - timeOf(b);
}
