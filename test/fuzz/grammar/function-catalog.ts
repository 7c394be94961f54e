/** The functions of the pinned DuckDB, by the type that they give, as far as the grammar has arguments for them. */
import { type DuckDBConnection } from '@duckdb/node-api';
import { FUZZ_TYPES, MAP, STRUCT, TYPE_NAMES } from './fuzz-type.ts';

export interface Signature {
  readonly name: string;
  /** Types of the grammar; what is generic is spelled out. */
  readonly parameters: readonly string[];
  readonly result: string;
}

export interface FunctionCatalog {
  readonly scalars: readonly Signature[];
  readonly aggregates: readonly Signature[];
}

/**
 * Left out: what is not the same twice, what tells of the process, what the SQL door refuses, and what takes memory
 * or time by the size of a number.
 */
const EXCLUDED = new RegExp(
  [
    '^(random|uuid.*|gen_random_uuid|setseed|nextval|currval|sleep_ms|write_log|error|stats|version|pragma_.*)$',
    '^(current_.*|get_current_.*|now|today|transaction_timestamp|txid_current|getenv|getvariable|get_block_size)$',
    '^(repeat|lpad|rpad|range|generate_series|generate_subscripts|bar|bitstring|list_resize|array_resize)$',
    '^(equi_width_bins|unnest|in_search_path|pg_.*|has_.*_privilege|.*_privilege|add_parquet_key|st_.*|vector_type)$',
    '^(json_serialize.*|json_deserialize.*|__internal.*|combine|finalize|alias|parse_duckdb_log_message)$',
    '^(constant_or_null|remap_struct|is_histogram_other_bin|invoke|variant_.*|make_type|get_type|to_aggregate_state)$',
    '^(sum_no_overflow|reservoir_quantile|approx_quantile|approx_top_k|geomean.*|write_.*|create_sort_key)$',
    '^(cast_to_type|can_cast_implicitly|replace_type|union_value|struct_pack|row|printf|format|enum_.*|timezone|array_length|time_bucket|struct_values|.*_filter)$',
    '^(bitstring_agg|row_number|rank|rank_dense|dense_rank|ntile|percent_rank|cume_dist|lead|lag|.*_value|fill)$',
  ].join('|'),
);

/** What the letters of a generic signature stand for. */
const GENERICS: readonly Readonly<Record<string, string>>[] = [
  { T: 'INTEGER', K: 'VARCHAR', V: 'INTEGER', ANY: 'BIGINT' },
  { T: 'VARCHAR', K: 'VARCHAR', V: 'INTEGER', ANY: 'VARCHAR' },
  { T: STRUCT, K: 'VARCHAR', V: 'INTEGER', ANY: 'DATE' },
  { T: 'INTEGER', K: 'VARCHAR', V: 'INTEGER', ANY: 'DECIMAL(10,2)' },
  { T: 'INTEGER', K: 'VARCHAR', V: 'INTEGER', ANY: 'INTEGER[]' },
  { T: 'INTEGER', K: 'VARCHAR', V: 'INTEGER', ANY: STRUCT },
];

export async function readFunctionCatalog(connection: DuckDBConnection): Promise<FunctionCatalog> {
  return {
    scalars: await readSignatures(connection, 'scalar'),
    aggregates: await readSignatures(connection, 'aggregate'),
  };
}

async function readSignatures(
  connection: DuckDBConnection,
  kind: 'scalar' | 'aggregate',
): Promise<readonly Signature[]> {
  const rows = await connection.runAndReadAll(
    `SELECT DISTINCT function_name, to_json(parameter_types)::VARCHAR, return_type, coalesce(varargs, '')
     FROM duckdb_functions() WHERE function_type = '${kind}' ORDER BY ALL`,
  );
  const found = new Map<string, Signature>();
  for (const [name, parameters, result, varargs] of rows.getRows() as string[][]) {
    if (name === undefined || EXCLUDED.test(name)) continue;
    const declared = JSON.parse(parameters ?? '[]') as string[];
    const types = varargs === '' ? declared : [...declared, varargs ?? '', varargs ?? ''];
    for (const generic of GENERICS) {
      const signature = {
        name,
        parameters: types.map((type) => concrete(type, generic)),
        result: concrete(result ?? '', generic),
      };
      if (![...signature.parameters, signature.result].every((type) => TYPE_NAMES.has(type)))
        continue;
      found.set(JSON.stringify(signature), signature);
    }
  }
  const types = await boundTypes(connection);
  const signatures: Signature[] = [];
  for (const signature of found.values()) {
    const bound = await boundResult(connection, signature);
    const result = bound === undefined ? undefined : (types.get(bound) ?? bound);
    if (result === undefined || (kind === 'scalar' && !TYPE_NAMES.has(result))) continue;
    signatures.push({ ...signature, result });
  }
  return signatures;
}

/** The grammar's types by what the binder calls them. */
async function boundTypes(connection: DuckDBConnection): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  for (const name of TYPE_NAMES) {
    const prepared = await connection.prepare(`SELECT NULL::${name}`);
    const bound = String(prepared.columnType(0));
    // JSON is a VARCHAR to it.
    types.set(bound, types.get(bound) ?? name);
    prepared.destroySync();
  }
  return types;
}

/** The type that a call really has. Undefined for functions that want constants, or more of a type than its name. */
async function boundResult(
  connection: DuckDBConnection,
  { name, parameters }: Signature,
): Promise<string | undefined> {
  const columns = parameters.map((type, index) => `NULL::${type} AS p${index}`).join(', ') || '1';
  const args = parameters.map((_, index) => `p${index}`);
  const call = isOperator(name) ? operation(name, args) : `"${name}"(${args.join(', ')})`;
  try {
    const prepared = await connection.prepare(`SELECT ${call} FROM (SELECT ${columns})`);
    const type = String(prepared.columnType(0));
    prepared.destroySync();
    return type;
  } catch {
    return undefined;
  }
}

export function isOperator(name: string): boolean {
  return /^[^a-z_]+$/.test(name);
}

function operation(name: string, [left = '', right]: readonly string[]): string {
  return right === undefined ? `${name}(${left})` : `(${left}) ${name} (${right})`;
}

function concrete(type: string, generic: Readonly<Record<string, string>>): string {
  if (TYPE_NAMES.has(type)) return type;
  const element = /^(.*)\[\]$/.exec(type)?.[1];
  if (element !== undefined) return `${concrete(element, generic)}[]`;
  if (type === 'DECIMAL') return 'DECIMAL(10,2)';
  if (type === 'STRUCT') return STRUCT;
  if (type === 'MAP(K, V)') return MAP;
  return generic[type] ?? type;
}

/** How often a type is asked for: the first ones of the table more than the others. */
export function weightedType(below: (bound: number) => number): string {
  const common = 10;
  const index = below(2) === 0 ? below(common) : below(FUZZ_TYPES.length);
  return FUZZ_TYPES[index]?.sql ?? 'INTEGER';
}
