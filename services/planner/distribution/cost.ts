/** What placements cost: the work of the busiest task, in bytes that a hash join reads. */
import { type DistributionOptions } from './placer.ts';

/** What a stage more costs, however little it reads. */
export const STAGE_COST = 256 * 1024;
/** Encoding a byte of a page and dealing it out, and taking it in again, beside joining it. */
export const SEND_COST = 2;
export const RECEIVE_COST = 2;

/** Of sending rows by hash from one stage to another, whose tasks work on them. */
export function moveCost(bytes: number, { taskCount }: DistributionOptions): number {
  return STAGE_COST + ((SEND_COST + RECEIVE_COST) * bytes) / taskCount;
}
