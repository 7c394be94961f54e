/** Which of the waiting queries begins next: down the tree, at each group by its policy among those that may (S5–S7, S20). */
import { assert } from '../../common/assert.ts';
import type { QueryId } from '../../common/ids.ts';
import {
  arrivalName,
  chooseNext,
  isAgedTurn,
  noteChoice,
} from '../../common/sharing/sharing-policy.ts';
import type { Contender } from '../../common/sharing/sharing-policy.ts';
import type { AdmissionState, AdmittedQuery, GroupState } from './admission-state.ts';
import { groupAt, nameOf, termsOf, whatHolds } from './admission-state.ts';
import { ROOT_NAME } from './resource-group-tree.ts';

/** The query that begins next, whose turn is noted then; `undefined` = none may. */
export function takeNextQuery(state: AdmissionState): QueryId | undefined {
  const ready = readyIn(state, groupAt(state, ROOT_NAME));
  return ready === undefined ? undefined : choose(state, ready, false);
}

/** A group that may let one more begin, with all of it that could. */
interface Ready {
  readonly group: GroupState;
  readonly children: readonly Ready[];
  /** The number of arrival of the first that may begin. */
  readonly first: number;
}

function readyIn(state: AdmissionState, group: GroupState): Ready | undefined {
  if (group.queued === 0 || whatHolds(state, group) !== undefined) return undefined;
  const children = group.children
    .map((path) => readyIn(state, groupAt(state, path)))
    .filter((child) => child !== undefined);
  const [own] = group.queue;
  const firsts = children.map(({ first }) => first);
  if (own !== undefined) firsts.push(queryOf(state, own).arrival);
  return firsts.length === 0 ? undefined : { group, children, first: Math.min(...firsts) };
}

/** `isAged`: a group above has its turn of who has waited longest, which goes all the way down (I90). */
function choose(state: AdmissionState, { group, children }: Ready, isAged: boolean): QueryId {
  const { policy } = termsOf(state, group);
  const { shared } = group;
  const rule = { policy, shared, isAged: isAged || isAgedTurn(policy, shared) };
  const groups = children.map((child) => groupContender(state, child));
  const queries = queriesToCompare(state, group, rule).map((query) => queryContender(query));
  const chosen = chooseNext<GroupContender | QueryContender>([...groups, ...queries], rule);
  assert(chosen !== undefined, 'a group that is ready has somebody');
  noteChoice(chosen, shared);
  if ('queryId' in chosen) return chosen.queryId;
  return choose(state, chosen.ready, rule.isAged);
}

interface GroupContender extends Contender {
  readonly ready: Ready;
}

interface QueryContender extends Contender {
  readonly queryId: QueryId;
}

function groupContender(state: AdmissionState, ready: Ready): GroupContender {
  const { group, first } = ready;
  const { weight, minShare, priority, softConcurrency } = termsOf(state, group);
  return {
    name: nameOf(group),
    running: group.running,
    minShare,
    weight,
    priority,
    arrival: first,
    waitingSince: first,
    isBeyondSoftLimit: softConcurrency !== null && group.running >= softConcurrency,
    turns: group.turns,
    ready,
  };
}

function queryContender({ queryId, arrival, priority }: AdmittedQuery): QueryContender {
  return {
    name: arrivalName(arrival),
    running: 0,
    minShare: 0,
    weight: 1,
    priority,
    arrival,
    waitingSince: arrival,
    isBeyondSoftLimit: false,
    turns: { virtualTime: 0 },
    queryId,
  };
}

/** Of queries that differ in nothing but their arrival only the first can be next. */
function queriesToCompare(
  state: AdmissionState,
  { queue }: GroupState,
  { policy, isAged }: { readonly policy: string; readonly isAged: boolean },
): readonly AdmittedQuery[] {
  const candidates = policy === 'priority' && !isAged ? queue : queue.slice(0, 1);
  return candidates.map((queryId) => queryOf(state, queryId));
}

export function queryOf({ queries }: AdmissionState, queryId: QueryId): AdmittedQuery {
  const query = queries[queryId];
  assert(query !== undefined, `there is a query ${queryId}`);
  return query;
}
