/**
 * `npm run sim:explore [-- --states N] [--only TEXT]`: visits all worlds of small configurations, at most N of each, and prints how
 * many there were and how the queries ended; a broken law with the way to it. Ends with `N passed, M failed`.
 */
import { parseArgs } from 'node:util';
import { CONFIGURATIONS } from './configurations.ts';
import { explore } from './explore.ts';

function main(): number {
  const { values } = parseArgs({
    options: {
      states: { type: 'string', default: '1000000' },
      only: { type: 'string', default: '' },
    },
  });
  let failed = 0;
  let states = 0;
  const chosen = CONFIGURATIONS.filter(({ name }) => name.includes(values.only));
  for (const configuration of chosen) {
    const found = explore(configuration, Number(values.states));
    states += found.states;
    const ends = [...found.ends].map(([end, times]) => `${end} ${times}`).join(', ');
    const bound = found.isWhole ? '' : ', stopped at the bound';
    print(`${found.name}: ${found.states} states, ${found.transitions} steps${bound}: ${ends}`);
    if (found.violation === undefined) continue;
    failed += 1;
    print(`  ${found.violation.law}`);
    for (const step of found.violation.path) print(`    ${step}`);
  }
  print(`${states} states visited`);
  print(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = main();
