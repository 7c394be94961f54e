import {
  PlannerServiceService,
  type PlanRequest,
  type PlanResponse,
} from '../../../proto/gen/skein/internal/v1/planner.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import { formatColumnType } from '../../common/plan/column-type.ts';
import { type QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { ServiceHandlers } from '../../common/rpc/method.ts';
import { planErrorToWire, planToWire } from '../../common/rpc/query-plan-wire.ts';
import type { RpcServer } from '../../common/rpc/server.ts';
import { sessionFromWire } from '../../common/rpc/session-wire.ts';
import { parseSessionProperties } from '../../common/session-properties.ts';
import {
  type PlanningRequest,
  type StatementPlanner,
  type TableDescription,
} from '../planning/ports.ts';

export function addPlannerService(server: RpcServer, planner: StatementPlanner): void {
  server.addService(PlannerServiceService, plannerService(planner));
}

/**
 * skein.internal.v1.PlannerService. What is wrong with a statement is an answer; only what is wrong with the
 * planner is a failed call.
 */
function plannerService(planner: StatementPlanner): ServiceHandlers<typeof PlannerServiceService> {
  return {
    async *plan(request): AsyncGenerator<PlanResponse> {
      let plan: QueryPlan;
      try {
        plan = await planner.plan(planningRequest(request));
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        yield planErrorToWire(toErrorReport(error));
        return;
      }
      yield* planToWire(plan);
    },
    async listTables({ catalog }) {
      const tables = await planner.listTables(catalog);
      return { tables: tables.map(tableToWire) };
    },
  };
}

function planningRequest(request: PlanRequest): PlanningRequest {
  return {
    sql: request.sql,
    session: parseSessionProperties(request.sessionProperties),
    sessionState: sessionFromWire(request.session, 'session'),
    parameters: request.parameters,
    answers: request.answers,
    cluster: {
      workerCount: Math.max(1, request.workerCount),
      tasksPerWorker: Math.max(1, request.tasksPerWorker),
    },
  };
}

function tableToWire({ catalog, schema, name, columns }: TableDescription) {
  return {
    catalog,
    schema,
    name,
    columns: columns.map((column) => ({ name: column.name, type: formatColumnType(column.type) })),
  };
}
