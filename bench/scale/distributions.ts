/** Published distributions, drawn from by their quantiles: between two of them the logarithm is linear. */
import type { Random } from '../../services/common/random.ts';

/** Values by share of the population, ascending. */
export type Quantiles = readonly (readonly [share: number, value: number])[];

/** Alibaba 2018 (4,000 machines, 8 days), after the histograms of All-less/trace-generator (SoCC'19). */
export const ALIBABA = {
  stagesPerQuery: [
    [0, 1],
    [0.1, 1],
    [0.5, 2],
    [0.75, 4],
    [0.9, 7],
    [0.95, 11],
    [0.99, 20],
    [0.999, 36],
    [1, 199],
  ],
  tasksPerStage: [
    [0, 1],
    [0.5, 1],
    [0.75, 4],
    [0.9, 47],
    [0.95, 176],
    [0.99, 844],
    [0.999, 3_526],
    [1, 47_476],
  ],
  taskSeconds: [
    [0, 1],
    [0.1, 1],
    [0.5, 11],
    [0.75, 32],
    [0.9, 87],
    [0.95, 147],
    [0.99, 373],
    [0.999, 955],
    [1, 142_574],
  ],
} as const satisfies Record<string, Quantiles>;

/** Facebook 2010 (SWIM): tasks of 256 MB of a query’s input; two thirds of the queries shuffle. */
export const FACEBOOK = {
  mapTasks: [
    [0, 1],
    [0.5, 1],
    [0.9, 114],
    [0.99, 4_150],
    [1, 43_653],
  ],
  shuffleShare: 0.66,
} as const satisfies { readonly mapTasks: Quantiles; readonly shuffleShare: number };

/** One value, at least that of the smallest quantile. */
export function drawValue(quantiles: Quantiles, random: Random): number {
  const share = random.next();
  const above = quantiles.findIndex(([upTo]) => upTo > share);
  const [low, high] = [quantiles[above - 1], quantiles[above]];
  if (low === undefined || high === undefined) return quantiles.at(-1)?.[1] ?? 0;
  const part = (share - low[0]) / (high[0] - low[0]);
  return low[1] * (high[1] / low[1]) ** part;
}

/** Of a log-normal distribution; the sum of twelve is as good a bell as a workload needs. */
export function drawLogNormal(median: number, sigma: number, random: Random): number {
  let bell = -6;
  for (let count = 0; count < 12; count += 1) bell += random.next();
  return median * Math.exp(sigma * bell);
}

export function quantileOf(ascending: ArrayLike<number>, share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0;
}
