import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';

/**
 * Functions that give the same for the same arguments, wherever and whenever. What DuckDB's catalog says of
 * stability does not suffice: `age` of one argument reads the clock.
 */
const REPEATABLE_FUNCTIONS: ReadonlySet<string> = new Set(
  [
    'abs ceil ceiling floor round sign sqrt cbrt exp ln log log2 log10 pow power greatest least mod',
    'coalesce nullif ifnull if struct_pack list_value row array_length len length strlen',
    'lower upper trim ltrim rtrim substring substr left right replace concat concat_ws contains',
    'prefix suffix starts_with ends_with strpos position instr lpad rpad split_part regexp_matches',
    'regexp_replace regexp_extract like_escape not_like_escape ilike_escape format printf',
    'year month day quarter week hour minute second date_part datepart extract date_trunc datetrunc',
    'date_diff datediff date_add date_sub make_date strftime strptime last_day dayofweek isodow',
    'count count_star sum avg min max any_value first last string_agg list array_agg median',
    'stddev stddev_samp stddev_pop variance var_samp var_pop quantile_cont quantile_disc mode',
    'bool_and bool_or arg_min arg_max min_by max_by approx_count_distinct corr covar_pop covar_samp',
    'row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value',
    'grouping grouping_id hash md5',
  ].flatMap((line) => line.split(' ')),
);

/** Names that the binder takes for calls where no column has them: of the clock, and of the session. */
const VALUE_NAME = /^(current_.*|local.*|session_user|user)$/i;

/**
 * Whether the parsed statement means the same each time, as long as its tables are the same: nothing in it
 * reads the clock, chance, the session's state or files that are no tables. "No" is always safe.
 */
export function isRepeatable(statement: Json): boolean {
  if (isJsonArray(statement)) return statement.every(isRepeatable);
  if (!isJsonObject(statement) || statement['class'] === 'CONSTANT') return true;
  return !isDoubtful(statement) && Object.values(statement).every(isRepeatable);
}

function isDoubtful(node: JsonObject): boolean {
  const { type } = node;
  if (type === 'TABLE_FUNCTION' || type === 'SHOW_REF') return true;
  if (node['class'] === 'PARAMETER') return true;
  if (isJsonObject(node['sample'])) return true;
  if (node['class'] === 'COLUMN_REF') return isValueName(node['column_names']);
  const name = node['function_name'];
  if (typeof name !== 'string' || node['is_operator'] === true) return false;
  return !REPEATABLE_FUNCTIONS.has(name.toLowerCase());
}

function isValueName(names: Json | undefined): boolean {
  if (names === undefined || !isJsonArray(names) || names.length !== 1) return false;
  const [name] = names;
  return typeof name === 'string' && VALUE_NAME.test(name);
}
