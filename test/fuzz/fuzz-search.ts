/** Many seeds, tried by several processes. */
import { FuzzProcess, type ProcessOptions } from './fuzz-process.ts';
import type { Trial } from './fuzz-run.ts';

export interface Search extends ProcessOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  /** Ends the search with the statements that are being tried. */
  readonly signal: AbortSignal;
}

/** What happens while it searches. */
export interface SearchListener {
  onTrial(seed: number, trial: Trial): void;
  /** The process of this seed has died of it; `isPlain`: on plain DuckDB alone too. */
  onCrash(seed: number, isPlain: boolean): void;
}

/** Answers the CPU time that all processes took. */
export async function search(options: Search, listener: SearchListener): Promise<number> {
  const last = options.from + options.count;
  let next = options.from;
  const work = async (): Promise<number> => {
    let cpuMs = 0;
    let child = await FuzzProcess.start(options);
    while (next < last && !options.signal.aborted) {
      const seed = next;
      next += 1;
      const report = await child.ask({ seed, isPlain: false });
      if (report !== 'crashed') {
        if (report.trial !== undefined) listener.onTrial(seed, report.trial);
        continue;
      }
      cpuMs += child.cpuMs;
      child = await FuzzProcess.start(options);
      const plain = await child.ask({ seed, isPlain: true });
      listener.onCrash(seed, plain === 'crashed');
      if (plain === 'crashed') child = await FuzzProcess.start(options);
    }
    await child.stop();
    return cpuMs + child.cpuMs;
  };
  const times = await Promise.all(Array.from({ length: options.jobs }, work));
  return times.reduce((sum, time) => sum + time, 0);
}
