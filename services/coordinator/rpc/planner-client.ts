import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import { PlannerServiceService as METHODS } from '../../../proto/gen/skein/internal/v1/planner.ts';
import type { Clock } from '../../common/clock.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import { RpcChannel } from '../../common/rpc/channel.ts';
import { channelCredentials } from '../../common/rpc/credentials.ts';
import { planFromWire } from '../../common/rpc/query-plan-wire.ts';
import { sessionToWire } from '../../common/rpc/session-wire.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { PlanRequest } from '../query/ports.ts';

export interface PlannerCallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Calls one planner process. Failures of the process are PLANNER_FAILED, those of a statement its own. */
export class PlannerClient {
  readonly #channel: RpcChannel;

  /** `address`: host:port or unix:PATH. */
  constructor(address: string, clock: Clock) {
    this.#channel = new RpcChannel({
      address,
      // The socket is in a directory that only this user may enter.
      credentials: channelCredentials(undefined),
      clock,
      peer: { unavailable: 'PLANNER_FAILED', details: {} },
    });
  }

  plan(request: PlanRequest, options: PlannerCallOptions): Promise<QueryPlan> {
    const message = { ...request, session: sessionToWire(request.session) };
    return planFromWire(this.#channel.serverStream(METHODS.plan, message, options));
  }

  async listTables(
    request: { readonly principal: Principal; readonly catalog: string },
    options: PlannerCallOptions,
  ): Promise<readonly TableDescription[]> {
    return (await this.#channel.unary(METHODS.listTables, request, options)).tables;
  }

  close(): void {
    this.#channel.close();
  }
}
