/** What placements cost: the work of the busiest task, in bytes that a hash join reads. */
import { type DistributionOptions } from './placer.ts';

const STAGE_COST = 4 * 1024 * 1024;
const STAGE_COST_OF_SHARED_WORK = 256 * 1024;
/** Reading a byte of a file's values. */
export const READ_COST = 0.25;
/** Adding a byte to what is known of its group. */
export const GROUP_COST = 0.25;
/** Encoding a byte of a page and dealing it out, and taking it in again, beside joining it. */
export const SEND_COST = 2;
export const RECEIVE_COST = 2;

/** What a stage more costs, however little it reads: its tasks are started, told of each other and watched. */
export function stageCost({ sharesSmallWork }: DistributionOptions): number {
  return sharesSmallWork ? STAGE_COST_OF_SHARED_WORK : STAGE_COST;
}

/** Of sending rows by hash from one stage to another, whose tasks work on them. */
export function moveCost(bytes: number, options: DistributionOptions): number {
  return stageCost(options) + ((SEND_COST + RECEIVE_COST) * bytes) / options.taskCount;
}
