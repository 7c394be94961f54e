/**
 * The SQL door's lists. Scalar, aggregate and window functions compute and are open but for those listed here;
 * table functions reach further and are shut but for those listed here. A test holds both against the catalog
 * of the pinned DuckDB, so that a new version's functions are looked at before they are let in.
 */
import { SYSTEM_ROWS } from '../import/decode-scan.ts';

/** Functions that act on the process, or tell of it, or run SQL of their own (reliability A6). */
export const DENIED_FUNCTIONS: ReadonlySet<string> = new Set([
  // Sequences, seeds and sleeping: effects beyond the statement.
  'nextval',
  'currval',
  'setseed',
  'sleep_ms',
  'pg_sleep',
  'write_log',
  // Environment, and state of the process that happens to run it; getvariable is the session's own.
  'getenv',
  'current_query',
  'current_query_id',
  'current_connection_id',
  'current_transaction_id',
  'txid_current',
  'stats',
  'vector_type',
  'get_block_size',
  // States of aggregates: a BLOB that is none would be read as one.
  'combine',
  'finalize',
  // SQL in text or JSON, which would pass the door unread.
  'json_serialize_plan',
  'json_serialize_sql',
  'json_deserialize_sql',
]);

/** Files are held inside the allowed directories by DuckDB itself. */
export const ALLOWED_TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'range',
  'generate_series',
  'repeat',
  'repeat_row',
  'unnest',
  'json_each',
  'json_tree',
  'histogram',
  'histogram_values',
  'icu_calendar_names',
  'pg_timezone_names',
  'test_all_types',
  'test_vector_types',
  'read_parquet',
  'parquet_scan',
  'parquet_metadata',
  'parquet_file_metadata',
  'parquet_full_metadata',
  'parquet_kv_metadata',
  'parquet_schema',
  'parquet_bloom_probe',
  'read_csv',
  'read_csv_auto',
  'read_json',
  'read_json_auto',
  'read_json_objects',
  'read_json_objects_auto',
  'read_ndjson',
  'read_ndjson_auto',
  'read_ndjson_objects',
  'read_text',
  'read_blob',
  'glob',
]);

/** `current_setting` tells the session's own settings only, and a statement must say which. */
export const CURRENT_SETTING = 'current_setting';

/** Known and shut. Anything that neither list knows is for the binder to miss. */
export const DENIED_TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  // SQL, plans and memory addresses as values.
  'query',
  'query_table',
  // What tables of the catalog `system` stand for.
  SYSTEM_ROWS,
  'json_execute_serialized_sql',
  'sql_auto_complete',
  'check_peg_parser',
  'arrow_scan',
  'arrow_scan_dumb',
  'seq_scan',
  'read_duckdb',
  // Opens its file only when it runs.
  'sniff_csv',
  'summary',
  // Effects on the instance.
  'checkpoint',
  'force_checkpoint',
  'enable_logging',
  'disable_logging',
  'truncate_duckdb_logs',
  'enable_profiling',
  'disable_profiling',
  'enable_peg_parser',
  'disable_peg_parser',
  // State of the process that happens to answer.
  'duckdb_approx_database_count',
  'duckdb_connection_count',
  'duckdb_coordinate_systems',
  'duckdb_dependencies',
  'duckdb_extensions',
  'duckdb_external_file_cache',
  'duckdb_log_contexts',
  'duckdb_logs',
  'duckdb_logs_parsed',
  'duckdb_memory',
  'duckdb_optimizers',
  'duckdb_prepared_statements',
  'duckdb_profiling_settings',
  'duckdb_secret_types',
  'duckdb_secrets',
  'duckdb_table_sample',
  'duckdb_temporary_files',
  'duckdb_variables',
  'pragma_collations',
  'pragma_database_size',
  'pragma_metadata_info',
  'pragma_platform',
  'pragma_show',
  'pragma_storage_info',
  'pragma_table_info',
  'pragma_user_agent',
  'pragma_version',
  'which_secret',
]);

const TOGETHER = [
  'filename',
  'hive_partitioning',
  'hive_types',
  'hive_types_autocast',
  'union_by_name',
];

/** Options of readers that may be given; the same test holds these lists against the catalog. */
export const ALLOWED_READER_OPTIONS: ReadonlySet<string> = new Set([
  ...TOGETHER,
  'allow_quoted_nulls',
  'all_varchar',
  'auto_detect',
  'auto_type_candidates',
  'binary_as_string',
  'buffer_size',
  'can_have_nan',
  'column_names',
  'column_types',
  'columns',
  'comment',
  'compression',
  'convert_strings_to_integers',
  'date_format',
  'dateformat',
  'decimal_separator',
  'delim',
  'dtypes',
  'encoding',
  'escape',
  'explicit_cardinality',
  'field_appearance_threshold',
  'file_row_number',
  'files_to_sniff',
  'force_not_null',
  'format',
  'header',
  'ignore_errors',
  'map_inference_threshold',
  'max_line_size',
  'maximum_depth',
  'maximum_line_size',
  'maximum_object_size',
  'maximum_sample_files',
  'names',
  'new_line',
  'normalize_names',
  'null_padding',
  'nullstr',
  'parallel',
  'quote',
  'records',
  'sample_size',
  'schema',
  'sep',
  'skip',
  'strict_mode',
  'thousands',
  'timestamp_format',
  'timestampformat',
  'types',
]);

/** Known and refused. Anything that neither list knows is for the binder to miss. */
export const DENIED_READER_OPTIONS: ReadonlySet<string> = new Set([
  // Tables of rejected rows in the instance that happens to read.
  'store_rejects',
  'rejects_table',
  'rejects_scan',
  'rejects_limit',
  // Keys in statements, and how to use them.
  'encryption_config',
  'debug_use_openssl',
  // Of writing.
  'parquet_version',
]);
