/**
 * Every aggregate of DuckDB 1.5.5, by how it is computed when its rows are in several tasks (planning facts, section 4).
 * A test holds the table against the catalog of the pinned DuckDB. Why the others are gathered: what they give depends
 * on rows that no state of bounded size keeps (quantiles, mode, lists), on the order of the rows, or DuckDB exports no
 * state of them.
 */
export type AggregateMethod =
  /** Partial values of public aggregates, merged by public aggregates: decompose-aggregate.ts says which. */
  | 're-aggregate'
  /** DuckDB's own states travel as BLOBs and are combined: bit for bit what its own threads do. */
  | 'state'
  /** All rows of a group in one task, for DuckDB's own aggregate. */
  | 'gather';

const RE_AGGREGATED =
  'any_value avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or count count_if count_star countif fsum ' +
  'arg_max arg_max_null arg_min arg_min_null argmax argmin max_by min_by ' +
  'kahan_sum max mean min product regr_count sum sum_no_overflow sumkahan';

/** Their states hold numbers and no pointers. */
const WITH_STATE =
  'approx_count_distinct corr covar_pop covar_samp favg kurtosis kurtosis_pop regr_avgx regr_avgy regr_intercept ' +
  'regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp var_pop var_samp variance';

const GATHERED =
  'approx_quantile approx_top_k arbitrary array_agg arg_max_nulls_last arg_min_nulls_last entropy first ' +
  'group_concat histogram histogram_exact last list listagg mad median mode quantile quantile_cont quantile_disc ' +
  'reservoir_quantile string_agg';

export const AGGREGATE_METHODS: ReadonlyMap<string, AggregateMethod> = new Map([
  ...rows(RE_AGGREGATED, 're-aggregate'),
  ...rows(WITH_STATE, 'state'),
  ...rows(GATHERED, 'gather'),
]);

function rows(
  names: string,
  method: AggregateMethod,
): readonly (readonly [string, AggregateMethod])[] {
  return names.split(' ').map((name) => [name, method] as const);
}
