import type { QueryShare as WireShare } from '../../../proto/gen/skein/internal/v1/task.ts';
import type { QueryShare } from '../sharing/query-share.ts';
import { SHARING_POLICIES } from '../sharing/sharing-policy.ts';
import { parsed, safeInteger } from './wire-field.ts';

export function shareToWire({ arrival, priority, groups }: QueryShare): WireShare {
  return { arrival: BigInt(arrival), priority, groups };
}

export function shareFromWire({ arrival, priority, groups }: WireShare, field: string): QueryShare {
  return {
    arrival: safeInteger(arrival, `${field}.arrival`),
    priority,
    groups: groups.map((group, i) => ({
      ...group,
      policy: parsed(
        group.policy,
        (text) => SHARING_POLICIES.find((policy) => policy === text),
        `${field}.groups[${i}].policy`,
      ),
      weight: Math.max(1, group.weight),
    })),
  };
}
