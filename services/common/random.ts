/** A seeded stream of numbers: the same seed gives the same choices, in the simulator and in a replay. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
}

/** The state is one 32-bit integer, so it can be part of a serialisable scheduler state (mulberry32). */
export function nextRandomState(state: number): { readonly state: number; readonly value: number } {
  const next = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(next ^ (next >>> 15), 1 | next);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return { state: next, value: ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296 };
}

export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    const step = nextRandomState(state);
    state = step.state;
    return step.value;
  };
  return { next, below: (bound) => Math.floor(next() * bound) };
}
