import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ColumnType as WireColumnType } from '../../../../proto/gen/skein/internal/v1/column_type.ts';
import { ErrorReport as WireErrorReport } from '../../../../proto/gen/skein/internal/v1/error.ts';
import { PlanFragment as WirePlanFragment } from '../../../../proto/gen/skein/internal/v1/plan_fragment.ts';
import { PlanResponse } from '../../../../proto/gen/skein/internal/v1/planner.ts';
import { OutputLocation as WireOutputLocation } from '../../../../proto/gen/skein/internal/v1/split.ts';
import { Task as WireTask } from '../../../../proto/gen/skein/internal/v1/task.ts';
import { TaskStatus as WireTaskStatus } from '../../../../proto/gen/skein/internal/v1/task_status.ts';
import { EngineError } from '../../../../services/common/error.ts';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';
import {
  columnTypeFromWire,
  columnTypeToWire,
} from '../../../../services/common/rpc/column-type-wire.ts';
import {
  errorReportFromWire,
  errorReportToWire,
} from '../../../../services/common/rpc/error-wire.ts';
import {
  planFragmentFromWire,
  planFragmentToWire,
} from '../../../../services/common/rpc/plan-wire.ts';
import {
  planErrorToWire,
  planFromWire,
  planToWire,
} from '../../../../services/common/rpc/query-plan-wire.ts';
import {
  outputLocationFromWire,
  outputLocationToWire,
} from '../../../../services/common/rpc/split-wire.ts';
import {
  taskStatusFromWire,
  taskStatusToWire,
  taskUpdateFromWire,
  taskUpdateToWire,
} from '../../../../services/common/rpc/task-wire.ts';
import {
  columnTypeArbitrary,
  errorReportArbitrary,
  outputLocationArbitrary,
  planFragmentArbitrary,
  queryPlanArbitrary,
  taskStatusArbitrary,
  taskUpdateArbitrary,
} from '../../../support/plan-arbitraries.ts';

interface Codec<Wire> {
  encode(message: Wire): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Wire;
}

function overTheWire<Wire>(codec: Codec<Wire>, message: Wire): Wire {
  return codec.decode(codec.encode(message).finish());
}

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** The field that a refusal names, or what else happened. */
function refusedField(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'INVALID_REQUEST') throw error;
    return error.details['field'];
  }
}

describe('domain → wire → bytes → wire → domain is the identity', () => {
  it('for column types', () => {
    fc.assert(
      fc.property(columnTypeArbitrary, (type) => {
        const wire = overTheWire(WireColumnType, columnTypeToWire(type));
        expect(columnTypeFromWire(wire, 'type')).toEqual(type);
      }),
    );
  });

  it('for error reports', () => {
    fc.assert(
      fc.property(errorReportArbitrary, (report) => {
        const wire = overTheWire(WireErrorReport, errorReportToWire(report));
        expect(errorReportFromWire(wire, 'error')).toEqual(report);
      }),
    );
  });

  it('for error reports that quote long values: a status with one still fits its stream', () => {
    const long = '🦆'.repeat(2_000_000);
    const report = { code: 'CONVERSION_ERROR', message: long, position: 7 } as const;
    const many = Array.from({ length: 100 }, (_, i) => [`value_${i}`, long] as const);
    const wire = errorReportToWire({ ...report, details: Object.fromEntries(many) });
    expect(WireErrorReport.encode(wire).finish().length).toBeLessThan(256 * 1024);
    expect(errorReportFromWire(wire, 'error')).toMatchObject({ ...report, message: wire.message });
    expect(wire.message).toMatch(/^(🦆)+…$/u);
  });

  it('for output locations', () => {
    fc.assert(
      fc.property(outputLocationArbitrary, (location) => {
        const wire = overTheWire(WireOutputLocation, outputLocationToWire(location));
        expect(outputLocationFromWire(wire, 'location')).toEqual(location);
      }),
    );
  });

  it('for plan fragments', () => {
    fc.assert(
      fc.property(planFragmentArbitrary, (fragment) => {
        const wire = overTheWire(WirePlanFragment, planFragmentToWire(fragment));
        expect(planFragmentFromWire(wire, 'fragment')).toEqual(fragment);
      }),
    );
  });

  it('for task updates', () => {
    fc.assert(
      fc.property(taskUpdateArbitrary, (update) => {
        const wire = overTheWire(WireTask, taskUpdateToWire(update));
        expect(taskUpdateFromWire(wire)).toEqual(update);
      }),
    );
  });

  it('for task statuses', () => {
    fc.assert(
      fc.property(taskStatusArbitrary, (status) => {
        const wire = overTheWire(WireTaskStatus, taskStatusToWire(status));
        expect(taskStatusFromWire(wire)).toEqual(status);
      }),
    );
  });

  it('for whole plans, streamed', async () => {
    await fc.assert(
      fc.asyncProperty(queryPlanArbitrary, async (plan) => {
        const messages = [...planToWire(plan)].map((message) => overTheWire(PlanResponse, message));
        expect(await planFromWire(each(messages))).toEqual(plan);
      }),
    );
  });
});

describe('a plan of a large table', () => {
  const rowGroups = Array.from({ length: 100 }, (_, i) => ({
    firstRow: i * 1000,
    rowCount: 1000,
    bytes: 1 << 20,
  }));
  const files = Array.from({ length: 2_000 }, (_, i) => ({
    path: `/lake/lineitem/part-${i}.parquet`,
    sizeBytes: 1 << 27,
    modifiedAtMs: 1_789_000_000_000.5,
    rowGroups,
  }));
  const [fragment] = fc.sample(planFragmentArbitrary, { numRuns: 1, seed: 1 });
  const plan: QueryPlan = {
    fragments: fragment === undefined ? [] : [fragment],
    scans: [{ sourceId: 7 as SourceId, files, totalRows: 2e8, totalBytes: 2e11 }],
    rung: 'distributed',
    rungReason: '',
  };

  it('travels in messages of bounded size', async () => {
    const messages = [...planToWire(plan)];
    const sizes = messages.map((message) => PlanResponse.encode(message).finish().length);
    expect(Math.max(...sizes)).toBeLessThan(1 << 20);
    expect(await planFromWire(each(messages))).toEqual(plan);
  });

  it('is refused when a chunk is missing', async () => {
    const messages = [...planToWire(plan)];
    await expect(planFromWire(each(messages.slice(0, -1)))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      details: { field: 'scans.file_count' },
    });
  });

  it('throws the error of a statement that is at fault', async () => {
    const error = planErrorToWire({ code: 'SYNTAX_ERROR', message: 'near FORM', position: 9 });
    await expect(planFromWire(each([error]))).rejects.toMatchObject({
      code: 'SYNTAX_ERROR',
      position: 9,
    });
  });
});

describe('what is not valid is INVALID_REQUEST and names the field', () => {
  const [update] = fc.sample(taskUpdateArbitrary, { numRuns: 1, seed: 3 });
  const [status] = fc.sample(taskStatusArbitrary, { numRuns: 1, seed: 3 });
  const [fragment] = fc.sample(planFragmentArbitrary, { numRuns: 1, seed: 3 });
  if (update === undefined || status === undefined || fragment === undefined)
    throw new Error('no samples');
  const task = taskUpdateToWire(update);
  const taskStatus = taskStatusToWire(status);
  const plan = planFragmentToWire(fragment);

  it.each([
    ['task.task_id', () => taskUpdateFromWire({ ...task, taskId: 'x.1' })],
    ['task.principal', () => taskUpdateFromWire({ ...task, principal: undefined })],
    ['task.principal.name', () => taskUpdateFromWire({ ...task, principal: { name: '' } })],
    ['task.capability', () => taskUpdateFromWire({ ...task, capability: new Uint8Array(31) })],
    ['task.memory_limit_bytes', () => taskUpdateFromWire({ ...task, memoryLimitBytes: 1n << 60n })],
    ['task.deadline_ms', () => taskUpdateFromWire({ ...task, deadlineMs: Number.NaN })],
    ['task_status.state', () => taskStatusFromWire({ ...taskStatus, state: 0 })],
    ['task_status.stats', () => taskStatusFromWire({ ...taskStatus, stats: undefined })],
    ['task_status.node_id', () => taskStatusFromWire({ ...taskStatus, nodeId: 'a b' })],
    ['fragment.sql', () => planFragmentFromWire({ ...plan, sql: '' }, 'fragment')],
    ['fragment.input_mode', () => planFragmentFromWire({ ...plan, inputMode: -1 }, 'fragment')],
    [
      'fragment.partitioning',
      () => planFragmentFromWire({ ...plan, partitioning: undefined }, 'fragment'),
    ],
    [
      'fragment.outputs[0].scheme.kind',
      () =>
        planFragmentFromWire({ ...plan, outputs: [{ scheme: { kind: 0, keys: [] } }] }, 'fragment'),
    ],
    ['type.id', () => columnTypeFromWire(WireColumnType.create({ id: 'FOO' }), 'type')],
    [
      'type.children[1].type',
      () =>
        columnTypeFromWire(
          WireColumnType.create({ id: 'MAP', children: [{ type: { id: 'DATE' } }] }),
          'type',
        ),
    ],
    [
      'error.code',
      () => errorReportFromWire(WireErrorReport.create({ code: 'toString' }), 'error'),
    ],
  ])('%s', (field, read) => {
    expect(refusedField(read)).toBe(field);
  });
});
