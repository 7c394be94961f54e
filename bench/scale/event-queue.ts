/** What is due, in the order of virtual time; what is due at the same time, in the order of asking. */
export class EventQueue<Event> {
  readonly #heap: { readonly at: number; readonly order: number; readonly event: Event }[] = [];
  #count = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Infinity = nothing is due. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  push(at: number, event: Event): void {
    const entry = { at, order: this.#count, event };
    this.#count += 1;
    let child = this.#heap.length;
    this.#heap.push(entry);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      this.#heap[child] = above;
      child = parent;
    }
    this.#heap[child] = entry;
  }

  pop(): { readonly at: number; readonly event: Event } | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      const right = this.#heap[child + 1];
      let least = this.#heap[child];
      if (least === undefined) break;
      if (right !== undefined && isBefore(right, least)) {
        child += 1;
        least = right;
      }
      if (isBefore(last, least)) break;
      this.#heap[parent] = least;
      parent = child;
    }
    this.#heap[parent] = last;
    return first;
  }
}

interface Dated {
  readonly at: number;
  readonly order: number;
}

function isBefore(a: Dated, b: Dated): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
