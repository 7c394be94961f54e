/** Seeds that once broke a law. They mean what they meant as long as scenario.ts and workload.ts draw as they did. */
export const REGRESSIONS: readonly { readonly seed: number; readonly what: string }[] = [
  { seed: 251, what: 'a scan went on being fed after the query had failed for want of nodes' },
  { seed: 40_571, what: 'cancelled, a query named a symptom whose cause was still awaited' },
  {
    seed: 1_111,
    what: 'a limited stage that had lost some rows and still had enough waited for ever',
  },
  {
    seed: 404_233,
    what: 'a query whose client left no room for its splits was said to stand still',
  },
  { seed: 4_693, what: 'an attempt that was stopped lacked memory afterwards' },
  {
    seed: 931_828,
    what: 'a lost output would have come out otherwise, and the client had rows of the old one',
  },
  {
    seed: 3_004_778,
    what: 'a query of stored stages failed with a symptom whose cause was on its way',
  },
  {
    seed: 3_002_393,
    what: 'the client was told of rows that would have come out otherwise with what was lost',
  },
  { seed: 3_020_737, what: 'each reader of a stored output was expected to read a share of it' },
  {
    seed: 3_039_455,
    what: 'a partition that had lacked memory was given less again for the attempt beside',
  },
  {
    seed: 11_541,
    what: 'the second attempt of a partition stayed a speculation when the first could not read its input',
  },
  { seed: 4_050_324, what: 'what was cancelled counted instead of what it was to make again' },
  { seed: 3_061_847, what: 'two attempts of a partition were stopped in one turn' },
];

/** The same for the engine of real worker parts. */
export const WORKER_REGRESSIONS: typeof REGRESSIONS = [
  {
    seed: 187_763,
    what: 'a partition that lacked memory had asked for its next attempt before, and got no more',
  },
  {
    seed: 344,
    what: 'a producer that came late waited for readers that had ended, and its page memory with it',
  },
  {
    seed: 3_047_047,
    what: 'a producer waited for a reader that had ended and whose word was lost three times',
  },
  {
    seed: 3_000_064,
    what: 'a reader that had ended took word of more producers, and never gave their pages back',
  },
  {
    seed: 3_038_857,
    what: 'a stage that was cancelled while its lost output was made again was missing when its reader ran again',
  },
];
