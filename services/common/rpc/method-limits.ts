/**
 * How large the messages of each method may be, in one place. grpc-js has one limit per server and channel, so
 * that is the largest of the methods it carries; the method's own is checked before a message is decoded.
 */
export interface MethodLimits {
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** What most gRPC clients accept without configuration: all methods of the public services. */
export const PUBLIC_LIMITS: MethodLimits = { maxRequestBytes: 4 * MIB, maxResponseBytes: 4 * MIB };

const SMALL = 16 * KIB;
const QUESTION: MethodLimits = { maxRequestBytes: SMALL, maxResponseBytes: 4 * MIB };
const ORDER: MethodLimits = { maxRequestBytes: SMALL, maxResponseBytes: SMALL };

const EXCHANGE = '/skein.internal.v1.ExchangeService/';
const CONTROL = '/skein.internal.v1.WorkerControlService/';
const PLANNER = '/skein.internal.v1.PlannerService/';
const COORDINATOR = '/skein.internal.v1.QueryCoordinatorService/';

export const METHOD_LIMITS: ReadonlyMap<string, MethodLimits> = new Map([
  // A page holds at least one row, and a row may be long.
  [`${EXCHANGE}Fetch`, { maxRequestBytes: SMALL, maxResponseBytes: 256 * MIB }],
  [`${EXCHANGE}Acknowledge`, ORDER],
  [`${EXCHANGE}Destroy`, { maxRequestBytes: MIB, maxResponseBytes: SMALL }],
  // Statuses with inline results; task updates with a fragment and its splits (T35: request ≤ 8 MB).
  [`${CONTROL}Connect`, { maxRequestBytes: 4 * MIB, maxResponseBytes: 8 * MIB }],
  [`${CONTROL}ReportExit`, ORDER],
  // All fragments of a plan; each travels on in a task update, beside splits.
  [`${PLANNER}Plan`, { maxRequestBytes: 8 * MIB, maxResponseBytes: 6 * MIB }],
  [`${PLANNER}ListTables`, { maxRequestBytes: SMALL, maxResponseBytes: 16 * MIB }],
  [`${COORDINATOR}Get`, { maxRequestBytes: SMALL, maxResponseBytes: 8 * MIB }],
  [`${COORDINATOR}List`, { maxRequestBytes: SMALL, maxResponseBytes: 16 * MIB }],
  [`${COORDINATOR}Watch`, { maxRequestBytes: SMALL, maxResponseBytes: 8 * MIB }],
  // In: what the public API takes, with the session taken apart. Out: inline results of all root tasks that ended at once.
  [`${COORDINATOR}Submit`, { maxRequestBytes: 5 * MIB, maxResponseBytes: 16 * MIB }],
  [`${COORDINATOR}WatchResults`, { maxRequestBytes: SMALL, maxResponseBytes: 16 * MIB }],
  [`${COORDINATOR}RenewLease`, ORDER],
  [`${COORDINATOR}ReleaseResult`, ORDER],
  [`${COORDINATOR}Cancel`, { maxRequestBytes: SMALL, maxResponseBytes: 8 * MIB }],
  [`${COORDINATOR}ListNodes`, QUESTION],
  [`${COORDINATOR}ListCatalogTables`, { maxRequestBytes: SMALL, maxResponseBytes: 16 * MIB }],
]);

export function limitsOf(path: string): MethodLimits {
  return METHOD_LIMITS.get(path) ?? PUBLIC_LIMITS;
}

/** What a channel may receive: it may carry any method. */
export const MAX_RESPONSE_BYTES = Math.max(
  PUBLIC_LIMITS.maxResponseBytes,
  ...[...METHOD_LIMITS.values()].map((limits) => limits.maxResponseBytes),
);

/** What a channel may send. */
export const MAX_REQUEST_BYTES = Math.max(
  PUBLIC_LIMITS.maxRequestBytes,
  ...[...METHOD_LIMITS.values()].map((limits) => limits.maxRequestBytes),
);
