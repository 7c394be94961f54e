/**
 * Whose task gets the next slot that is free (S8): down the tree of resource groups, at each by its policy, to a query, and to the
 * first of its tasks. A slot is offered anew whenever one is free, when a task asks, and between two statements of a task that
 * has one: whoever has more right to it then gets it.
 *
 * In `fair` groups young queries, which have had few turns here, count as needy: a small query beside a hog gets the next slots
 * that are free, so that it takes at most twice its time alone, while the hog has one turn in sixteen for sure (I90).
 */
import { assert } from '../../common/assert.ts';
import type { QueryId } from '../../common/ids.ts';
import type { QueryShare } from '../../common/sharing/query-share.ts';
import {
  arrivalName,
  chooseNext,
  isAgedTurn,
  newSharedTurns,
  noteChoice,
} from '../../common/sharing/sharing-policy.ts';
import type {
  Contender,
  SharedTurns,
  ShareTerms,
  TurnsTaken,
} from '../../common/sharing/sharing-policy.ts';

/** For whom a slot is. */
export interface SlotClaim {
  readonly queryId: QueryId;
  readonly share: QueryShare;
}

/** A query is young for so many turns on this worker, and as needy as if this were its minimum share. */
export const YOUNG_TURNS = 16;
const YOUNG_SHARE = 1024;
/** Of so many queries that have nothing here at the moment it is known how many turns they have had. */
const REMEMBERED_QUERIES = 1024;

/** A group or a query, as long as somebody of it runs or waits. */
interface Party<Waiter> {
  readonly parent: Party<Waiter> | undefined;
  readonly terms: ShareTerms;
  readonly arrival: number;
  readonly isQuery: boolean;
  /** Slots that it has. */
  running: number;
  readonly shared: SharedTurns;
  readonly turns: TurnsTaken;
  readonly children: Map<string, Party<Waiter>>;
  /** Of a query: in the order of asking. */
  readonly waiting: { readonly waiter: Waiter; readonly since: number }[];
}

/** One that could take the slot, with those below it that could. */
interface Ready<Waiter> extends Contender {
  readonly party: Party<Waiter>;
  readonly children: readonly Ready<Waiter>[];
  /** Of a query: its first that waits for such a slot. */
  readonly waiter: Waiter | undefined;
  /** It has the slot that is offered. */
  readonly isHolder: boolean;
}

const ROOT_TERMS: ShareTerms = {
  name: '',
  policy: 'fair',
  weight: 1,
  minShare: 0,
  priority: 0,
};

export class SlotTurns<Waiter extends SlotClaim> {
  readonly #root = newParty<Waiter>(undefined, ROOT_TERMS, { arrival: 0, isQuery: false });
  /** Turns of queries that may come back: a hog between two tasks does not grow young again. The latest last. */
  readonly #pastTurns = new Map<QueryId, number>();
  #askedCount = 0;
  #waitingCount = 0;

  get waitingCount(): number {
    return this.#waitingCount;
  }

  ask(waiter: Waiter): void {
    this.#askedCount += 1;
    this.#waitingCount += 1;
    this.#partyOf(waiter).waiting.push({ waiter, since: this.#askedCount });
  }

  /** It waits no more, and gets none. */
  leave(waiter: Waiter): void {
    const party = this.#partyOf(waiter);
    this.#forget(party, waiter);
    this.#dropIdle(waiter, party);
  }

  /** Who gets the next slot of those that it fits; `undefined` = nobody waits for one. Changes nothing. */
  next(fits: (waiter: Waiter) => boolean): Waiter | undefined {
    const ready = readyIn(this.#root, { fits, holder: undefined });
    return ready === undefined ? undefined : choose(ready, false).ready.waiter;
  }

  /** Gives a slot to the one that `next` has named. */
  grant(waiter: Waiter): void {
    const party = this.#partyOf(waiter);
    this.#forget(party, waiter);
    for (const each of lineOf(party)) each.running += 1;
    note(party);
  }

  /** The query has a slot less. */
  release(claim: SlotClaim): void {
    const party = this.#partyOf(claim);
    for (const each of lineOf(party)) each.running -= 1;
    assert(party.running >= 0, 'a slot is given back once');
    this.#dropIdle(claim, party);
  }

  /** Offers a slot that the query has to all that wait for one like it. True: nobody has more right to it. */
  mayKeep(claim: SlotClaim, fits: (waiter: Waiter) => boolean): boolean {
    if (this.#waitingCount === 0) return true;
    const holder = this.#partyOf(claim);
    const line = lineOf(holder);
    for (const each of line) each.running -= 1;
    const all = readyIn(this.#root, { fits, holder });
    assert(all !== undefined, 'a slot is offered to its holder, too');
    const { ready, isAged } = choose(all, false);
    for (const each of line) each.running += 1;
    // The turn of who has waited longest is that of a task: others of the same query may have waited for long.
    const isKept = ready.isHolder && (!isAged || ready.waiter === undefined);
    if (isKept) note(holder);
    return isKept;
  }

  #forget({ waiting }: Party<Waiter>, waiter: Waiter): void {
    const index = waiting.findIndex((each) => each.waiter === waiter);
    assert(index >= 0, 'who leaves has asked');
    waiting.splice(index, 1);
    this.#waitingCount -= 1;
  }

  #partyOf({ queryId, share }: SlotClaim): Party<Waiter> {
    let party = this.#root;
    for (const terms of share.groups) party = childOf(party, terms, { arrival: 0, isQuery: false });
    const { arrival, priority } = share;
    const terms = { ...ROOT_TERMS, name: `${arrivalName(arrival)} ${queryId}`, priority };
    const query = childOf(party, terms, { arrival, isQuery: true });
    const past = this.#pastTurns.get(queryId);
    if (past === undefined) return query;
    this.#pastTurns.delete(queryId);
    query.shared.count = past;
    return query;
  }

  #dropIdle({ queryId }: SlotClaim, party: Party<Waiter>): void {
    if (party.running > 0 || party.waiting.length > 0) return;
    this.#pastTurns.set(queryId, party.shared.count);
    const [oldest] = this.#pastTurns.keys();
    if (oldest !== undefined && this.#pastTurns.size > REMEMBERED_QUERIES)
      this.#pastTurns.delete(oldest);
    dropIdle(party);
  }
}

function newParty<Waiter>(
  parent: Party<Waiter> | undefined,
  terms: ShareTerms,
  { arrival, isQuery }: { readonly arrival: number; readonly isQuery: boolean },
): Party<Waiter> {
  return {
    parent,
    terms,
    arrival,
    isQuery,
    running: 0,
    shared: newSharedTurns(),
    turns: { virtualTime: 0 },
    children: new Map(),
    waiting: [],
  };
}

function childOf<Waiter>(
  parent: Party<Waiter>,
  terms: ShareTerms,
  about: { readonly arrival: number; readonly isQuery: boolean },
): Party<Waiter> {
  const known = parent.children.get(terms.name);
  if (known !== undefined) return known;
  const child = newParty(parent, terms, about);
  parent.children.set(terms.name, child);
  return child;
}

/** The party and all that it is in. */
function lineOf<Waiter>(party: Party<Waiter>): readonly Party<Waiter>[] {
  return party.parent === undefined ? [party] : [party, ...lineOf(party.parent)];
}

/** It has had a turn, and so have all that it is in. */
function note<Waiter>(party: Party<Waiter>): void {
  party.shared.count += party.isQuery ? 1 : 0;
  for (const { parent, turns, terms } of lineOf(party))
    if (parent !== undefined) noteChoice({ turns, weight: terms.weight }, parent.shared);
}

function dropIdle<Waiter>(party: Party<Waiter>): void {
  for (const each of lineOf(party)) {
    if (each.running > 0 || each.waiting.length > 0 || each.children.size > 0) return;
    each.parent?.children.delete(each.terms.name);
  }
}

/** A slot that is free, or that somebody has. */
interface Offer<Waiter> {
  readonly fits: (waiter: Waiter) => boolean;
  readonly holder: Party<Waiter> | undefined;
}

function readyIn<Waiter>(party: Party<Waiter>, offer: Offer<Waiter>): Ready<Waiter> | undefined {
  const { terms, running, turns } = party;
  const children = [...party.children.values()]
    .map((child) => readyIn(child, offer))
    .filter((child) => child !== undefined);
  const first = party.waiting.find(({ waiter }) => offer.fits(waiter));
  const isHolder = party === offer.holder;
  if (children.length === 0 && first === undefined && !isHolder) return undefined;
  const isYoung = party.isQuery && party.shared.count < YOUNG_TURNS;
  return {
    ...terms,
    minShare: isYoung ? YOUNG_SHARE : terms.minShare,
    running,
    arrival: Math.min(party.isQuery ? party.arrival : Infinity, ...children.map((c) => c.arrival)),
    waitingSince: Math.min(first?.since ?? Infinity, ...children.map((c) => c.waitingSince)),
    isBeyondSoftLimit: false,
    turns,
    party,
    children,
    waiter: first?.waiter,
    isHolder,
  };
}

/** Down to a query. `isAged`: by who has waited longest. */
function choose<Waiter>(
  ready: Ready<Waiter>,
  isAged: boolean,
): { readonly ready: Ready<Waiter>; readonly isAged: boolean } {
  if (ready.party.isQuery) return { ready, isAged };
  const { terms, shared } = ready.party;
  const { policy } = terms;
  const rule = { policy, shared, isAged: isAged || isAgedTurn(policy, shared) };
  const chosen = chooseNext(ready.children, rule);
  assert(chosen !== undefined, 'a group that is ready has somebody');
  return choose(chosen, rule.isAged);
}
