import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { type OpenInstance } from '../../common/duckdb/open-instance.ts';
import { EngineError } from '../../common/error.ts';
import { StatementLane } from './statement-lane.ts';

/** Statements of one request that may run beside each other: serialize and explain. */
const LANES = 2;
/** Beside them, statements that are only bound: what they answer follows without the optimizer. */
const BINDING_LANES = 2;

/** The connections of one session, all set up alike. */
export class SessionLanes {
  readonly #planning: readonly StatementLane[];
  readonly #binding: readonly StatementLane[];

  private constructor(planning: readonly StatementLane[], binding: readonly StatementLane[]) {
    this.#planning = planning;
    this.#binding = binding;
  }

  /** @throws EngineError what DuckDB says of a statement of the setup */
  static async open(instance: OpenInstance, setup: readonly string[]): Promise<SessionLanes> {
    const planning = await openLanes(instance, LANES);
    const binding = await openLanes(instance, BINDING_LANES);
    const lanes = new SessionLanes(planning, binding);
    try {
      for (const lane of binding) await runAll(lane, ['PRAGMA disable_optimizer']);
      for (const lane of [...planning, ...binding]) await runAll(lane, setup);
    } catch (error) {
      await lanes.close();
      // A position would be one in a statement that nobody sees.
      const { code, message } = toEngineError(error);
      throw new EngineError(code, message, { cause: error });
    }
    return lanes;
  }

  /** One for a statement that is bound and optimized. */
  get planning(): StatementLane {
    return leastLoaded(this.#planning);
  }

  /** One for a statement that is only bound. */
  get binding(): StatementLane {
    return leastLoaded(this.#binding);
  }

  /** Waits for what runs. */
  async close(): Promise<void> {
    const lanes = [...this.#planning, ...this.#binding];
    await Promise.all(lanes.map(async (lane) => await lane.close()));
  }
}

async function openLanes(instance: OpenInstance, count: number): Promise<readonly StatementLane[]> {
  const lanes: StatementLane[] = [];
  for (let i = 0; i < count; i += 1) lanes.push(new StatementLane(await instance.connect()));
  return lanes;
}

async function runAll(lane: StatementLane, statements: readonly string[]): Promise<void> {
  await lane.run(async (connection) => {
    for (const statement of statements) await connection.run(statement);
  });
}

function leastLoaded(lanes: readonly StatementLane[]): StatementLane {
  return lanes.reduce((least, lane) => (lane.load < least.load ? lane : least));
}
