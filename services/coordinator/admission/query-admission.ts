import { assertNever } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { QueryId } from '../../common/ids.ts';
import type { ShareTerms } from '../../common/sharing/sharing-policy.ts';
import type { AdmissionDecision, AdmissionEvent, QueryUsage, Refusal } from './admission-events.ts';
import { onAdmissionEvent } from './admission-events.ts';
import { createAdmission, whyWaits } from './admission-state.ts';
import type { AdmissionState, AdmissionWait } from './admission-state.ts';
import type { GroupDescription } from './group-description.ts';
import { describeGroups, shareOf } from './group-description.ts';
import { hasQuotas } from './resource-group-tree.ts';
import type { ResourceGroupTree } from './resource-group-tree.ts';

export interface QueryAdmissionDeps {
  readonly clock: Clock;
  /** It may begin now. */
  readonly onAdmitted: (queryId: QueryId) => void;
  /** One that has waited has no place any more. */
  readonly onRefused: (queryId: QueryId, error: ErrorReport) => void;
  /** What waits may wait for something else now. */
  readonly onChanged: () => void;
  /** Of all queries that run. Asked for often only where a group has a quota. */
  readonly usages: () => readonly QueryUsage[];
}

/** What is known of resource groups at one moment. */
export interface ResourceGroupsReport {
  readonly groups: readonly GroupDescription[];
  /** Why the file as it is now was not taken. */
  readonly fileError: ErrorReport | undefined;
}

/** Where a query stands among others. */
export interface QueryPlace {
  readonly resourceGroup: string;
  /** What its groups are among their siblings, the outermost first. */
  readonly share: readonly ShareTerms[];
}

/** One that is in no group, as a query that asks for another one's sake may be. */
export const NO_PLACE: QueryPlace = { resourceGroup: '', share: [] };

type Submission = Omit<Extract<AdmissionEvent, { readonly kind: 'submitted' }>, 'kind'>;

const USAGE_INTERVAL_MS = 1_000;

/** Admission at work: holds the state, posts what happens to it, carries out what it decides. */
export class QueryAdmission {
  readonly #deps: QueryAdmissionDeps;
  readonly #state: AdmissionState;
  #fileError: ErrorReport | undefined;
  #cancelUsage: (() => void) | undefined;
  #isClosed = false;

  constructor(tree: ResourceGroupTree, deps: QueryAdmissionDeps) {
    this.#deps = deps;
    this.#state = createAdmission(tree, deps.clock.now());
    this.#watchUsage();
  }

  /** The query begins or waits. @throws EngineError QUERY_QUEUE_FULL, RESOURCE_GROUP_NOT_FOUND */
  submit(submission: Submission): void {
    const decisions = this.#step({ kind: 'submitted', ...submission });
    const last = decisions.at(-1);
    if (last?.kind === 'refuse') throw refusalError(last.refusal);
  }

  /** It needs its place no more, running or waiting; twice is harmless. */
  leave(queryId: QueryId, cpuMs: number): void {
    if (this.#state.queries[queryId] === undefined) return;
    this.#post({ kind: 'finished', queryId, cpuMs });
  }

  reload(tree: ResourceGroupTree): void {
    this.#fileError = undefined;
    this.#post({ kind: 'reloaded', tree });
    this.#watchUsage();
  }

  noteBrokenFile(error: ErrorReport): void {
    this.#fileError = error;
  }

  /** `undefined` for a query that is not here any more. */
  placeOf(queryId: QueryId): QueryPlace | undefined {
    const query = this.#state.queries[queryId];
    if (query === undefined) return undefined;
    return { resourceGroup: query.group, share: shareOf(this.#state, queryId) };
  }

  /** `undefined` = it does not wait here. */
  whyWaits(queryId: QueryId): AdmissionWait | undefined {
    return whyWaits(this.#state, queryId);
  }

  report(): ResourceGroupsReport {
    this.#noteUsage();
    return { groups: describeGroups(this.#state), fileError: this.#fileError };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelUsage?.();
  }

  #watchUsage(): void {
    this.#cancelUsage?.();
    this.#cancelUsage = undefined;
    if (this.#isClosed || !hasQuotas(this.#state.tree)) return;
    this.#cancelUsage = this.#deps.clock.schedule(USAGE_INTERVAL_MS, () => {
      this.#noteUsage();
      this.#watchUsage();
    });
  }

  #noteUsage(): void {
    this.#post({ kind: 'usage', usages: this.#deps.usages() });
  }

  #post(event: AdmissionEvent): void {
    for (const decision of this.#step(event)) {
      if (decision.kind !== 'refuse') continue;
      const { queryId, refusal } = decision;
      this.#deps.onRefused(queryId, toErrorReport(refusalError(refusal)));
    }
    this.#deps.onChanged();
  }

  #step(event: AdmissionEvent): readonly AdmissionDecision[] {
    const decisions = onAdmissionEvent(this.#state, event, this.#deps.clock.now());
    for (const decision of decisions)
      if (decision.kind === 'admit') this.#deps.onAdmitted(decision.queryId);
    return decisions;
  }
}

function refusalError(refusal: Refusal): EngineError {
  switch (refusal.kind) {
    case 'queue-full': {
      const { group, maxQueued } = refusal;
      const message = `${maxQueued} queries wait in the resource group ${group} already (max_queued)`;
      const details = { resource_group: group, max_queued: String(maxQueued) };
      return new EngineError('QUERY_QUEUE_FULL', message, { details });
    }
    case 'no-group':
      return new EngineError(
        'RESOURCE_GROUP_NOT_FOUND',
        "no selector of the resource groups' file takes the query: user, source, client_tags or kind of statement",
      );
    default:
      return assertNever(refusal);
  }
}
