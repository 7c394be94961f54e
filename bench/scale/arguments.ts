/** What `npm run sim:scale` is asked for. */
import { parseArgs } from 'node:util';
import { MIX_NAMES } from './mixes.ts';
import type { MixName } from './mixes.ts';

export const USAGE = `usage: npm run sim:scale -- [--workers N,N,…] [--tasks N,N,…] [--mix ${MIX_NAMES.join('|')},…] [--seed N]
       [--discipline fault-tolerant|stage-barrier] [--speedup N] [--json FILE] [--svg FILE]`;

export const DISCIPLINE_NAMES = ['fault-tolerant', 'stage-barrier'] as const;
export type DisciplineName = (typeof DISCIPLINE_NAMES)[number];

export interface ScaleArguments {
  readonly workers: readonly number[];
  readonly tasks: readonly number[];
  readonly mixes: readonly MixName[];
  readonly discipline: DisciplineName;
  readonly seed: number;
  readonly speedup: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

/** `undefined` = they make no sense: print the usage. */
export function readArguments(args: readonly string[]): ScaleArguments | undefined {
  const { values } = parse(args) ?? {};
  if (values === undefined) return undefined;
  const workers = numbers(values.workers);
  const tasks = numbers(values.tasks);
  const [seed, speedup] = [numbers(values.seed), numbers(values.speedup)];
  const mixes = values.mix.split(',').filter(isMix);
  const discipline = DISCIPLINE_NAMES.find((name) => name === values.discipline);
  const isWhole = mixes.length === values.mix.split(',').length && discipline !== undefined;
  if (workers === undefined || tasks === undefined || !isWhole) return undefined;
  if (seed?.length !== 1 || speedup?.length !== 1) return undefined;
  const { json, svg } = values;
  return {
    workers,
    tasks,
    mixes,
    discipline,
    json,
    svg,
    seed: seed[0] ?? 1,
    speedup: speedup[0] ?? 1,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        workers: { type: 'string', default: '100,1000,10000' },
        tasks: { type: 'string', default: '100000' },
        mix: { type: 'string', default: MIX_NAMES.join(',') },
        discipline: { type: 'string', default: 'fault-tolerant' },
        seed: { type: 'string', default: '1' },
        speedup: { type: 'string', default: '1' },
        json: { type: 'string' },
        svg: { type: 'string' },
      },
    });
  } catch {
    return undefined;
  }
}

/** Positive whole numbers; `undefined` when one is not. */
function numbers(text: string): readonly number[] | undefined {
  const found = text.split(',').map(Number);
  return found.every((each) => Number.isSafeInteger(each) && each > 0) ? found : undefined;
}

function isMix(name: string): name is MixName {
  return MIX_NAMES.some((each) => each === name);
}
