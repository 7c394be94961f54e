/** What a Parquet file says about itself. */
export interface ParquetFooter {
  /** The columns of the schema's first level. */
  readonly columns: readonly FooterColumn[];
  readonly rowGroups: readonly FooterRowGroup[];
}

export interface FooterColumn {
  readonly name: string;
  /** DuckDB's name of it; empty for what is nested. */
  readonly type: string;
  /** Type, with all that is nested in it, in a form that is equal for equal types only. */
  readonly signature: string;
}

export interface FooterRowGroup {
  /** Number of its first row in the file. */
  readonly firstRow: number;
  readonly rowCount: number;
  /** One for each leaf of the schema. */
  readonly chunks: readonly ColumnChunk[];
}

export interface ColumnChunk {
  /** Names from the first level to the leaf, joined by `, `. */
  readonly path: string;
  readonly compressedBytes: number;
  /** Bounds of the values that are not NULL, as DuckDB prints them. NaN is never counted in. */
  readonly min?: string;
  readonly max?: string;
  readonly nullCount?: number;
  /** As the file's writer counted them, NULL left out. */
  readonly distinctCount?: number;
}
