/**
 * Strongly connected components of a directed graph, in topological order: no edge leads from a later component to an earlier
 * one (Tarjan). Within a component, and among components that no edge orders, the order of `nodes` counts.
 */
export function strongComponents<T>(
  nodes: readonly T[],
  successorsOf: (node: T) => readonly T[],
): readonly (readonly T[])[] {
  const position = new Map(nodes.map((node, index) => [node, index]));
  const found = new Map<T, { readonly order: number; low: number; isOpen: boolean }>();
  const open: T[] = [];
  const components: (readonly T[])[] = [];
  const visit = (node: T): { readonly order: number; low: number; isOpen: boolean } => {
    const entry = { order: found.size, low: found.size, isOpen: true };
    found.set(node, entry);
    open.push(node);
    for (const next of successorsOf(node)) {
      const seen = found.get(next);
      if (seen === undefined) entry.low = Math.min(entry.low, visit(next).low);
      else if (seen.isOpen) entry.low = Math.min(entry.low, seen.order);
    }
    if (entry.low === entry.order) components.push(close(node));
    return entry;
  };
  const close = (node: T): readonly T[] => {
    const component = open.splice(open.lastIndexOf(node));
    for (const each of component) {
      const entry = found.get(each);
      if (entry !== undefined) entry.isOpen = false;
    }
    return component.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  };
  // A component is closed after all that it leads to, so the last one comes first.
  for (const node of nodes.toReversed()) if (!found.has(node)) visit(node);
  return components.toReversed();
}
