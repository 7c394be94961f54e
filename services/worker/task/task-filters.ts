/** Both ends of dynamic filtering in one task: filters that its scans get, and keys that its rows give. */
import type {
  CollectedDomain,
  CollectedKey,
  DynamicFilter,
} from '../../common/dynamic-filter/dynamic-filter.ts';
import {
  ALL_KEYS,
  keyFormOf,
  NO_KEYS,
  unionDomains,
} from '../../common/dynamic-filter/key-domain.ts';
import type { KeyDomain } from '../../common/dynamic-filter/key-domain.ts';
import type { FilterId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';

export class TaskFilters {
  readonly #keys: readonly CollectedKey[];
  readonly #domains = new Map<FilterId, KeyDomain>();
  /** In the order of their arrival; a newer version of a filter is behind the older. */
  readonly #received: DynamicFilter[] = [];
  #isReported = false;

  constructor({ collectedKeys = [] }: PlanFragment) {
    this.#keys = collectedKeys;
  }

  /** Takes the filters that are new; an older or equal version changes nothing. */
  receive(filters: readonly DynamicFilter[]): void {
    for (const filter of filters) {
      const known = this.#received.findLast(({ filterId }) => filterId === filter.filterId);
      if (known === undefined || filter.version > known.version) this.#received.push(filter);
    }
  }

  /** Position behind the filters that are there by now. */
  get count(): number {
    return this.#received.length;
  }

  since(position: number): readonly DynamicFilter[] {
    return this.#received.slice(position);
  }

  /** A statement has told of its rows; without domains, nothing is known of its keys. */
  collect(domains: readonly CollectedDomain[] | undefined): void {
    for (const { filterId, type } of this.#keys) {
      const found = domains?.find((each) => each.filterId === filterId)?.domain ?? ALL_KEYS;
      const known = this.#domains.get(filterId) ?? NO_KEYS;
      this.#domains.set(filterId, unionDomains(known, found, keyFormOf(type)));
    }
  }

  /** What all rows say, once, for the first status after they are complete; a task without rows has no keys. */
  takeReport(): readonly CollectedDomain[] | undefined {
    if (this.#isReported || this.#keys.length === 0) return undefined;
    this.#isReported = true;
    return this.#keys.map(({ filterId }) => ({
      filterId,
      domain: this.#domains.get(filterId) ?? NO_KEYS,
    }));
  }
}
