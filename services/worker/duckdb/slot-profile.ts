/**
 * What a slot's instance is opened with. After the lock-down none of it can be changed, so an instance serves
 * one profile, and slots are pooled by it.
 */
import type { InstanceProfile } from '../../common/duckdb/lock-down.ts';

export interface SlotProfile extends InstanceProfile {
  readonly mayReorderJoins: boolean;
}

/** Equal for profiles that one instance can serve. */
export function profileKey(profile: SlotProfile): string {
  const { settings = {}, ...others } = profile;
  const sorted = Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ ...others, settings: sorted });
}
