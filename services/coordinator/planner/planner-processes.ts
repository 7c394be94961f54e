import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { PlannerProcess } from './planner-process.ts';

export interface PlannerProcessesOptions {
  readonly entry: string;
  readonly catalog: string;
  readonly memoryLimitBytes: number;
  readonly logLevel: string;
  readonly clock: Clock;
}

/** Starts planner processes, each on a socket of its own in a directory that only this user may enter. */
export class PlannerProcesses {
  readonly #options: PlannerProcessesOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'skein-planner-'));
  #count = 0;

  constructor(options: PlannerProcessesOptions) {
    this.#options = options;
  }

  start(): PlannerProcess {
    const { entry, catalog, memoryLimitBytes, logLevel, clock } = this.#options;
    this.#count += 1;
    return new PlannerProcess({
      entry,
      args: [
        `--catalog=${catalog}`,
        `--log-level=${logLevel}`,
        // Files of the coordinator's environment are not meant for this socket.
        '--tls-certificate-file=',
        '--tls-key-file=',
        '--tls-ca-file=',
      ],
      address: `unix:${join(this.#directory, `planner-${this.#count}.sock`)}`,
      memoryLimitBytes,
      onStderr: (text) => {
        if (logLevel !== 'silent') process.stderr.write(text);
      },
      clock,
    });
  }

  /** Call it when no process runs any more. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
