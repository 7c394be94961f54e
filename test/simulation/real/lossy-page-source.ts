/** The exchange between simulated processes: requests and replies take time or get lost, and dead workers are silent. */
import { EngineError } from '../../../services/common/error.ts';
import type {
  BufferAddress,
  PageReply,
  PageRequest,
  PageSource,
} from '../../../services/common/exchange/page-source.ts';
import type { SimulatedNetwork } from '../simulated-network.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface LossyPageSourceDeps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  /** The outputs of the run that answers at the address now. */
  readonly outputsAt: (address: BufferAddress) => PageSource | undefined;
  /** The reader's own process lives. */
  readonly isAlive: () => boolean;
}

/** A call that was lost is noticed so late; longer than a read waits for pages. */
const CALL_TIMEOUT_MS = 10_000;
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
    return new Promise((resolve, reject) => {
      if (!isAlive()) return;
      const broken = (problem: string) => reject(new EngineError('EXCHANGE_FAILED', problem));
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      time.after(CALL_TIMEOUT_MS, () => broken('no answer'));
      network.sendAtMostOnce(() => {
        const source = outputsAt(address);
        if (source === undefined) return time.after(REFUSED_AFTER_MS, () => broken('refused'));
        const answer = (settle: () => void) => network.sendAtMostOnce(settle);
        call(source).then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error as Error)),
        );
        return undefined;
      });
    });
  }
}
