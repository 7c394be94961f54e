import type { PartitionId } from '../../common/ids.ts';

interface SentPage {
  readonly partition: PartitionId;
  readonly token: number;
  readonly bytes: number;
}

/**
 * Which pages of a result may be dropped by the workers: those that the client has acknowledged by resuming
 * behind them, and those older than `replayBytes` behind the last page sent.
 */
export class ReplayWindow {
  readonly #replayBytes: number;
  readonly #acknowledged: Map<PartitionId, number>;
  #sent: SentPage[] = [];
  #sentBytes = 0;

  constructor(replayBytes: number, resumedAt: ReadonlyMap<PartitionId, number>) {
    this.#replayBytes = replayBytes;
    this.#acknowledged = new Map(resumedAt);
  }

  /** Pages of the task below this token may be dropped. */
  acknowledgedToken(partition: PartitionId): number {
    return this.#acknowledged.get(partition) ?? 0;
  }

  onSent(page: SentPage): void {
    this.#sent.push(page);
    this.#sentBytes += page.bytes;
    let dropped = 0;
    for (const oldest of this.#sent) {
      if (this.#sentBytes - oldest.bytes < this.#replayBytes) break;
      this.#sentBytes -= oldest.bytes;
      this.#acknowledged.set(oldest.partition, oldest.token + 1);
      dropped += 1;
    }
    if (dropped > 0) this.#sent = this.#sent.slice(dropped);
  }
}
