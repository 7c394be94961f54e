import { describe, expect, it } from 'vitest';
import { ExchangeServiceService } from '../../../../proto/gen/skein/internal/v1/exchange.ts';
import { PlannerServiceService } from '../../../../proto/gen/skein/internal/v1/planner.ts';
import { QueryCoordinatorServiceService } from '../../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import { WorkerControlServiceService } from '../../../../proto/gen/skein/internal/v1/worker_control.ts';
import { METHOD_LIMITS } from '../../../../services/common/rpc/method-limits.ts';

describe('the table of method limits', () => {
  it('names every internal method, and no other', () => {
    const services = [
      ExchangeServiceService,
      PlannerServiceService,
      QueryCoordinatorServiceService,
      WorkerControlServiceService,
    ];
    const paths = services.flatMap((service) => Object.values(service).map(({ path }) => path));
    expect(new Set(METHOD_LIMITS.keys())).toEqual(new Set(paths));
  });
});
