import { type SessionProperties } from '../../common/session-properties.ts';

/** Of distribution_threshold: what reads less has too little work for stages, whatever it does. */
const WEIGHED_PART = 16;

/** Of so many bytes on, a query with distribution=auto has its work weighed: in one fragment, or in stages. */
export function weighedInputBytes({
  distribution_threshold: threshold,
}: SessionProperties): number {
  return threshold / WEIGHED_PART;
}
