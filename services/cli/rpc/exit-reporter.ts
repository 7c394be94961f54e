import { WorkerControlServiceService as METHODS } from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { TlsFiles } from '../../common/config/tls-files.ts';
import type { Logger } from '../../common/logger.ts';
import type { ExitReport } from '../../common/process/role-process.ts';
import { RpcChannel } from '../../common/rpc/channel.ts';
import { channelCredentials } from '../../common/rpc/credentials.ts';
import { systemClock } from '../../common/system-clock.ts';

const REPORT_TIMEOUT_MS = 2_000;

/** Tells the coordinator how a worker's process ended, so that the failure of its queries names the cause. */
export class ExitReporter {
  readonly #channel: RpcChannel;
  readonly #log: Logger;

  constructor(options: {
    readonly coordinatorAddress: string;
    readonly tls: TlsFiles | undefined;
    readonly log: Logger;
  }) {
    this.#log = options.log;
    this.#channel = new RpcChannel({
      address: options.coordinatorAddress,
      credentials: channelCredentials(options.tls),
      clock: systemClock,
      peer: {
        unavailable: 'COORDINATOR_UNAVAILABLE',
        details: { address: options.coordinatorAddress },
      },
    });
  }

  /** Never fails: without a report the coordinator still notices the loss, only not the cause. */
  async report(nodeId: string, exit: ExitReport): Promise<void> {
    const { signal } = new AbortController();
    const request = {
      nodeId,
      processId: exit.processId,
      exitCode: exit.exitCode ?? -1,
      signal: exit.signal ?? '',
      cause: exit.cause,
    };
    try {
      await this.#channel.unary(METHODS.reportExit, request, {
        timeoutMs: REPORT_TIMEOUT_MS,
        signal,
      });
    } catch (error) {
      this.#log.warn(
        { nodeId, error: String(error) },
        'the coordinator could not be told of the exit',
      );
    }
  }

  close(): void {
    this.#channel.close();
  }
}
