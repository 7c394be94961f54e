import { isJsonArray, isJsonObject, type Json } from './json-reader.ts';

/**
 * Estimated rows of each operator, as `EXPLAIN (FORMAT JSON)` with explain_output='optimized_only' prints
 * them: the same tree as the serialized plan, which itself has no estimates.
 */
export interface EstimateTree {
  readonly rows: number | undefined;
  readonly children: readonly EstimateTree[];
}

/** `undefined` when the text is not such a tree: estimates are never guessed. */
export function readEstimates(explained: Json): EstimateTree | undefined {
  return isJsonArray(explained) && explained.length === 1 ? readNode(explained[0]) : undefined;
}

function readNode(node: Json | undefined): EstimateTree | undefined {
  if (!isJsonObject(node) || !isJsonArray(node['children'])) return undefined;
  const children: EstimateTree[] = [];
  for (const child of node['children']) {
    const read = readNode(child);
    if (read === undefined) return undefined;
    children.push(read);
  }
  const info = node['extra_info'];
  const text = isJsonObject(info) ? info['Estimated Cardinality'] : undefined;
  const rows = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined;
  return { rows, children };
}

/** Whether both trees have the same shape; `plan` is one operator of a serialized plan. */
export function hasShapeOf(estimates: EstimateTree, plan: Json | undefined): boolean {
  if (!isJsonObject(plan) || !isJsonArray(plan['children'])) return false;
  const { children } = plan;
  return (
    children !== undefined &&
    isJsonArray(children) &&
    children.length === estimates.children.length &&
    estimates.children.every((child, i) => hasShapeOf(child, children[i]))
  );
}
