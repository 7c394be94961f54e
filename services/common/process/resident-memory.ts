import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';

const CHECK_INTERVAL_MS = 50;
const IDLE_INTERVAL_MS = 1_000;

/**
 * Watches a process's resident memory in /proc: its peak, and a limit that node offers no other way to set (V8
 * reserves far more address space than it uses, so a limit on addresses would end every process). Where there is
 * no /proc, the peak is 0 and the limit does not hold.
 */
export class ResidentMemory {
  readonly #options: {
    readonly processId: number;
    readonly limitBytes: number;
    readonly clock: Clock;
    readonly onExceeded: () => void;
  };
  #cancel: () => void = () => undefined;
  #peakBytes = 0;
  #dataBytes = 0;
  #exceeded = false;

  constructor(options: {
    readonly processId: number;
    readonly limitBytes: number;
    readonly clock: Clock;
    readonly onExceeded: () => void;
  }) {
    this.#options = options;
    this.#check();
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /**
   * The data of the process, used or not, was above the limit when last seen: it then runs into the limit of the kernel,
   * which lies a little higher (memory-evidence.ts).
   */
  get isShortOfData(): boolean {
    const { limitBytes } = this.#options;
    return limitBytes > 0 && this.#dataBytes > limitBytes;
  }

  get exceeded(): boolean {
    return this.#exceeded;
  }

  stop(): void {
    this.#cancel();
  }

  #check(): void {
    const { processId, limitBytes, clock, onExceeded } = this.#options;
    const memory = readMemory(processId);
    if (memory === undefined) return;
    // A process that has ended, and is not waited for yet, has none.
    this.#peakBytes = Math.max(this.#peakBytes, memory.peakBytes);
    if (memory.dataBytes > 0) this.#dataBytes = memory.dataBytes;
    if (limitBytes > 0 && memory.residentBytes > limitBytes) {
      this.#exceeded = true;
      return onExceeded();
    }
    this.#cancel = clock.schedule(limitBytes > 0 ? CHECK_INTERVAL_MS : IDLE_INTERVAL_MS, () =>
      this.#check(),
    );
  }
}

interface MemoryOfProcess {
  readonly peakBytes: number;
  readonly residentBytes: number;
  readonly dataBytes: number;
}

function readMemory(processId: number): MemoryOfProcess | undefined {
  try {
    const status = readFileSync(`/proc/${processId}/status`, 'latin1');
    return {
      peakBytes: kibibytes(status, 'VmHWM'),
      residentBytes: kibibytes(status, 'VmRSS'),
      dataBytes: kibibytes(status, 'VmData'),
    };
  } catch {
    return undefined;
  }
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
