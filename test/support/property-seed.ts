/**
 * The seed of every property that names none: the same in each run of `npm test`, so that a commit passes or fails whoever
 * runs it; drawn anew, and printed with each counterexample, where SKEIN_PROPERTY_SEED is `random` (`npm run test:properties`).
 */
import fc from 'fast-check';

const DEFAULT_SEED = 1;

const wanted = process.env['SKEIN_PROPERTY_SEED'] ?? String(DEFAULT_SEED);
if (wanted !== 'random') {
  const seed = Number(wanted);
  if (!Number.isSafeInteger(seed))
    throw new Error(`SKEIN_PROPERTY_SEED: an integer or "random", not "${wanted}"`);
  fc.configureGlobal({ seed });
}
