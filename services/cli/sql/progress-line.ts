import type { Clock } from '../../common/clock.ts';
import type { QueryClient, QueryProgress } from './query-client.ts';

/** Quick queries show no progress at all, as in Trino's command line. */
const FIRST_SHOWN_AFTER_MS = 300;

/** A live line on a terminal; erased before anything else is written there. */
export class ProgressLine {
  readonly #terminal: NodeJS.WriteStream;
  #shown = false;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
  }

  show(progress: QueryProgress): void {
    const width = this.#terminal.columns || 80;
    this.#terminal.write(`\r\x1b[2K${progressText(progress).slice(0, width - 1)}`);
    this.#shown = true;
  }

  erase(): void {
    if (this.#shown) this.#terminal.write('\r\x1b[2K');
    this.#shown = false;
  }
}

export function progressText(progress: QueryProgress): string {
  const { completedSplits, totalSplits } = progress;
  const percent =
    totalSplits === 0 ? 0 : Math.min(99, Math.floor((100 * completedSplits) / totalSplits));
  const { queryId, state, admissionWait, elapsedMs } = progress;
  const elapsed = `${(elapsedMs / 1000).toFixed(1)}s`;
  if (admissionWait !== undefined) {
    const { resourceGroup, factor } = admissionWait;
    return [queryId, state, `waits for ${factor} in ${resourceGroup}`, elapsed].join('  ');
  }
  return [
    queryId,
    state,
    `${completedSplits}/${totalSplits} splits`,
    `${percent}%`,
    `${countText(progress.inputRows)} rows`,
    `${countText(progress.inputBytes)}B`,
    elapsed,
  ].join('  ');
}

function countText(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  const power = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return power === 0 ? String(count) : `${(count / 1000 ** power).toFixed(1)}${units[power]}`;
}

/** Shows a query's progress until the signal is aborted or the query ends; never fails the query. */
export async function showProgress(
  watch: {
    readonly client: QueryClient;
    readonly queryId: string;
    readonly line: ProgressLine;
    readonly clock: Clock;
  },
  signal: AbortSignal,
): Promise<void> {
  try {
    await watch.clock.sleep(FIRST_SHOWN_AFTER_MS, signal);
    for await (const progress of watch.client.watch(watch.queryId, signal))
      watch.line.show(progress);
  } catch {
    // Progress is an ornament: what ends the query is reported by the query itself.
  } finally {
    watch.line.erase();
  }
}
