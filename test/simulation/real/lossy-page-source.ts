/** The exchange between simulated processes: requests and replies take time or get lost, and dead workers are silent. */
import { EngineError } from '../../../services/common/error.ts';
import type {
  BufferAddress,
  PageReply,
  PageRequest,
  PageSource,
} from '../../../services/common/exchange/page-source.ts';
import type { SimulatedNetwork } from '../simulated-network.ts';
import { SPOOL } from '../cluster-worker.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { untilAborted } from './until-aborted.ts';

export interface LossyPageSourceDeps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  /** The outputs of the run that answers at the address now. */
  readonly outputsAt: (address: BufferAddress) => PageSource | undefined;
  /** The reader's own process lives. */
  readonly isAlive: () => boolean;
}

/** Nobody listens at the address of a dead process. */
const REFUSED_AFTER_MS = 5;

export class LossyPageSource implements PageSource {
  readonly #deps: LossyPageSourceDeps;

  constructor(deps: LossyPageSourceDeps) {
    this.#deps = deps;
  }

  fetchPages(
    address: BufferAddress,
    request: PageRequest,
    signal: AbortSignal,
  ): Promise<PageReply> {
    const read = (source: PageSource): Promise<PageReply> =>
      source.fetchPages(address, request, signal);
    return this.#call(address, signal, read);
  }

  /** Page by page; what breaks the stream takes the rest of the reply with it. */
  async *streamPages(
    address: BufferAddress,
    request: PageRequest,
    signal: AbortSignal,
  ): AsyncGenerator<PageReply> {
    const reply = await this.fetchPages(address, request, signal);
    if (reply.pages.length === 0) yield reply;
    for (const [index, page] of reply.pages.entries()) {
      const complete = reply.complete && index === reply.pages.length - 1;
      yield { ...reply, token: reply.token + index, pages: [page], complete };
      if (!complete && this.#deps.network.losesMessage()) throw broken('the stream broke');
    }
  }

  acknowledge(address: BufferAddress, token: number, signal: AbortSignal): Promise<void> {
    return this.#call(address, signal, (source) => source.acknowledge(address, token, signal));
  }

  destroy(address: BufferAddress, signal: AbortSignal): Promise<void> {
    return this.#call(address, signal, (source) => source.destroy(address, signal));
  }

  #call<T>(
    address: BufferAddress,
    signal: AbortSignal,
    call: (source: PageSource) => Promise<T>,
  ): Promise<T> {
    const { time, network, outputsAt, isAlive } = this.#deps;
    const { isSpooled, nodeInstanceId } = address.location;
    const run = isSpooled === true ? SPOOL : nodeInstanceId;
    const answered = new Promise<T>((resolve, reject) => {
      if (!isAlive()) return;
      const onLost = (): void => reject(broken('the connection broke'));
      network.sendAtMostOnce(
        run,
        () => {
          const source = outputsAt(address);
          if (source === undefined) {
            time.after(REFUSED_AFTER_MS, () => reject(broken('refused')));
            return;
          }
          // A process that died in the meantime answers nothing.
          const answer = (settle: () => void): void => {
            if (outputsAt(address) === source) network.sendAtMostOnce(run, settle, onLost);
            else onLost();
          };
          call(source).then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        },
        onLost,
      );
    });
    return untilAborted(answered, signal);
  }
}

function broken(problem: string): EngineError {
  return new EngineError('EXCHANGE_FAILED', problem);
}
