/** The contract of a file in bench/micro/: it exports `benchmark`. See bench/README.md. */
export interface MicroBenchmark {
  /** What is measured, in a few words. */
  readonly title: string;
  /** Sets up, measures, cleans up. @throws when what was measured was not even right. */
  run(): Promise<readonly Measurement[]>;
}

export type Unit = 'ms' | 'µs' | 'MB/s' | 'GB/s' | '1/s' | 'bytes';

export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** What the project has promised, if anything. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
}

export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Times `operation`, one call after another, after some that do not count; it may say itself how long it took, in ms. */
export async function measureLatency(
  operation: () => Promise<number | void>,
  { samples, warmUp = samples / 4 }: { readonly samples: number; readonly warmUp?: number },
): Promise<Latencies> {
  for (let call = 0; call < warmUp; call++) await operation();
  const timesMs: number[] = [];
  for (let call = 0; call < samples; call++) {
    const startedAt = performance.now();
    const ownMs = await operation();
    timesMs.push(ownMs ?? performance.now() - startedAt);
  }
  timesMs.sort((a, b) => a - b);
  const at = (share: number): number => timesMs[Math.floor(share * (samples - 1))] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/**
 * Repeats `operation` for about `durationMs` after one untimed call; `operation` says how much it did. Answers
 * amount per second.
 */
export async function measureRate(
  operation: () => number | Promise<number>,
  { durationMs = 1000 }: { readonly durationMs?: number } = {},
): Promise<number> {
  await operation();
  let amount = 0;
  const startedAt = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    amount += await operation();
    elapsedMs = performance.now() - startedAt;
  }
  return (amount / elapsedMs) * 1000;
}
