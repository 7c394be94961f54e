// Compiles the simulator and runs its explorer with the arguments given (see test/simulation/explorer/main.ts).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compiled, compileSimulation, root } from './compile-simulation.mjs';

compileSimulation();
const main = join(compiled, 'test', 'simulation', 'explorer', 'main.js');
const args = ['--enable-source-maps', main, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root }).status ?? 1);
