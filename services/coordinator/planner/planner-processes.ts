import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { environmentVariable } from '../../common/config/read-config.ts';
import { PlannerProcess } from './planner-process.ts';

export interface PlannerProcessesOptions {
  readonly entry: string;
  readonly catalog: string;
  /** Configuration keys by which a planner reaches data, with their values. */
  readonly dataAccess: Readonly<Record<string, string>>;
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
    const { entry, catalog, dataAccess, memoryLimitBytes, logLevel, clock } = this.#options;
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
      // A secret is among them, and everybody may read command lines.
      environment: Object.fromEntries(
        Object.entries(dataAccess).map(([key, value]) => [environmentVariable(key), value]),
      ),
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
