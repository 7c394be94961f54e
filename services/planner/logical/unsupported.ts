/**
 * A construct that this planner cannot take apart or write: never an error of the user, always a reason to
 * answer the query on the next rung of the ladder (planning rules, §6).
 */
export class UnsupportedError extends Error {
  /** The construct's name as EXPLAIN shows it, e.g. `LOGICAL_SAMPLE` or `function_data of quantile_cont`. */
  readonly construct: string;

  constructor(construct: string) {
    super(`not supported by the planner: ${construct}`);
    this.name = 'UnsupportedError';
    this.construct = construct;
  }
}
