import type {
  HealthCheckRequest,
  HealthCheckResponse,
} from '../../../proto/gen/grpc/health/v1/health.ts';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService as HealthServiceDefinition,
} from '../../../proto/gen/grpc/health/v1/health.ts';
import { Doorbell } from '../doorbell.ts';
import { EngineError } from '../error.ts';
import type { CallContext, ServiceHandlers } from './method.ts';

/**
 * grpc.health.v1: '' is the whole server, other names its services. (The package grpc-health-check does the same,
 * but loads its contract at run time, which costs every process 65 ms of its start.)
 */
export class HealthService {
  static readonly definition = HealthServiceDefinition;

  readonly #servingByService = new Map<string, boolean>([['', false]]);
  readonly #changes = new Doorbell();
  #isClosed = false;

  readonly handlers: ServiceHandlers<typeof HealthServiceDefinition> = {
    check: ({ service }) => {
      if (!this.#servingByService.has(service)) {
        throw new EngineError('SERVICE_NOT_FOUND', `no service ${service.slice(0, 200)}`);
      }
      return { status: this.#statusOf(service) };
    },
    list: () => {
      const services = [...this.#servingByService.keys()];
      return {
        statuses: Object.fromEntries(
          services.map((service) => [service, { status: this.#statusOf(service) }]),
        ),
      };
    },
    watch: (request, context) => this.#watch(request, context),
  };

  addService(name: string): void {
    this.#servingByService.set(name, this.#servingByService.get('') ?? false);
  }

  /** All services of the server at once. */
  setServing(isServing: boolean): void {
    for (const service of this.#servingByService.keys()) {
      this.#servingByService.set(service, isServing);
    }
    this.#changes.ring();
  }

  /** Ends the watches, so that they do not hold up a shutdown. */
  close(): void {
    this.#isClosed = true;
    this.#changes.ring();
  }

  #statusOf(service: string): ServingStatus {
    const isServing = this.#servingByService.get(service);
    if (isServing === undefined) return ServingStatus.SERVICE_UNKNOWN;
    return isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  async *#watch(
    { service }: HealthCheckRequest,
    { signal }: CallContext,
  ): AsyncGenerator<HealthCheckResponse> {
    let last: ServingStatus | undefined;
    while (!signal.aborted) {
      const status = this.#statusOf(service);
      if (status !== last) yield { status };
      last = status;
      if (this.#isClosed) return;
      if (status === this.#statusOf(service)) await this.#changes.wait(signal);
    }
  }
}
