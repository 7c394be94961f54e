import type { QueryId } from '../../common/ids.ts';
import { formatQueryId } from '../../common/ids.ts';
import { parseSessionProperties } from '../../common/session-properties.ts';
import type { SessionState } from '../../common/session-state.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { AdmissionWait } from '../admission/admission-state.ts';
import { chooseDiscipline } from '../scheduler/disciplines.ts';
import { Lease } from './lease.ts';
import type { RandomBytes } from './ports.ts';
import type { PlanInputs, QueryExecutionDeps } from './query-execution.ts';
import { QueryExecution } from './query-execution.ts';
import type { QueryPhase } from './query-report.ts';
import { Query } from './query.ts';

export interface QuerySubmission {
  readonly sql: string;
  readonly principal: Principal;
  /** All that hold for the statement. */
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly session: SessionState;
  /** Empty = none. */
  readonly requestId: string;
  readonly parameters: Uint8Array;
}

/** A query with what runs it. */
export interface QueryEntry {
  readonly query: Query;
  readonly execution: QueryExecution;
  /** Until it starts. */
  inputs: PlanInputs | undefined;
}

/** What becomes of a query, told to who keeps it. */
export interface QueryOwner {
  onPhase(queryId: QueryId, phase: QueryPhase): void;
  onLeaseExpired(queryId: QueryId, isShortened: boolean): void;
  whyWaits(queryId: QueryId): AdmissionWait | undefined;
  /** Answers a question of the planner by a query of its own, in the name and at the place of `asker`. */
  ask(submission: QuerySubmission, asker: Query, signal: AbortSignal): Promise<Uint8Array>;
}

export interface QueryFactoryDeps extends QueryExecutionDeps {
  readonly randomBytes: RandomBytes;
  readonly owner: QueryOwner;
}

const CAPABILITY_BYTES = 32;
const INCARNATION_LENGTH = 5;

/** Makes queries, each with a number, a name and secrets of its own. */
export class QueryFactory {
  readonly #deps: QueryFactoryDeps;
  readonly #clientTimeoutMs: number;
  readonly #incarnation: string;
  #sequence = 0;

  constructor(clientTimeoutMs: number, deps: QueryFactoryDeps) {
    this.#clientTimeoutMs = clientTimeoutMs;
    this.#deps = deps;
    this.#incarnation = incarnationOf(deps.randomBytes(INCARNATION_LENGTH));
  }

  /** @throws EngineError INVALID_SESSION_PROPERTY, or what is wrong with the discipline that it asks for */
  create(submission: QuerySubmission): QueryEntry {
    const { sql, principal, requestId, sessionProperties, session, parameters } = submission;
    const properties = parseSessionProperties(sessionProperties);
    chooseDiscipline(properties);
    const { clock, owner, randomBytes } = this.#deps;
    const createdAt = clock.now();
    this.#sequence += 1;
    const sequence = this.#sequence;
    const queryId = formatQueryId(createdAt, sequence, this.#incarnation);
    const random = randomBytes(CAPABILITY_BYTES + 3);
    const capability = random.slice(0, CAPABILITY_BYTES);
    const [a = 0, b = 0, c = 0] = random.subarray(CAPABILITY_BYTES);
    const about = { queryId, sequence, sql, principal, requestId, properties };
    const query = new Query(
      { ...about, capability, createdAt },
      {
        clock,
        lease: new Lease({
          clock,
          defaultMs: this.#clientTimeoutMs,
          onExpired: (isShortened) => owner.onLeaseExpired(queryId, isShortened),
        }),
        onPhase: (phase) => owner.onPhase(queryId, phase),
        whyWaits: () => owner.whyWaits(queryId),
      },
    );
    const inputs = { sessionProperties, session, parameters, seed: a + (b << 8) + (c << 16) };
    const execution = new QueryExecution(query, this.#deps, async (question, more, signal) => {
      const asked = { ...submission, ...more, sql: question, requestId: '' };
      return await owner.ask({ ...asked, parameters: new Uint8Array() }, query, signal);
    });
    return { query, execution, inputs };
  }
}

/** Five characters of [a-z0-9]. */
function incarnationOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('');
}
