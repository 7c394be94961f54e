import { join } from 'node:path';

/** The repository. Benchmarks run compiled, from dist/bench/. */
export const ROOT = join(import.meta.dirname, '..', '..');
