/** A bound on the results that the coordinator itself holds for a query (R9): those that came inline. */
export interface ResultSize {
  readonly maxBytes: number;
  bytes: number;
}

/** `maxBytes` 0 = no bound. */
export function createResultSize(maxBytes: number): ResultSize {
  return { maxBytes, bytes: 0 };
}

/** Counts a result before it is kept; false = it is not to be kept, and the query fails for its size. */
export function admitResult(size: ResultSize, bytes: number): boolean {
  const total = size.bytes + bytes;
  if (size.maxBytes > 0 && total > size.maxBytes) return false;
  size.bytes = total;
  return true;
}
