import { quoteIdentifier, quoteString } from '../../services/common/plan/column-type.ts';
import type { Scan } from '../../services/planner/logical/logical-plan.ts';

/** What a worker offers a fragment for a scan: its files, whole, with columns c0…cn. */
export function parquetRelation({ files, fileColumns, options }: Scan): string {
  const columns = fileColumns.map(({ name, origin }, i) => {
    return `${origin === 'none' ? 'NULL::BOOLEAN' : quoteIdentifier(name)} AS c${i}`;
  });
  const paths = files.map(quoteString).join(', ');
  const hive = `hive_partitioning = ${options.hivePartitioning}`;
  return `(SELECT ${columns.join(', ')} FROM read_parquet([${paths}], ${hive}))`;
}
