// Mutants: small patches that take something away, kept as data and applied to a copy of the source, never to the source.
// A patch reads like a diff without line numbers: what it takes away on the first line; then hunks, each begun by `@@ <file>`, of
// lines that must be there once in a row (` ` kept, `-` taken away) and lines that come instead (`+`). Indentation does not count.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const MUTANT_SUFFIX = '.patch';

/** The mutants in a folder, by name. */
export function readMutants(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(MUTANT_SUFFIX))
    .toSorted()
    .map((file) => ({
      name: file.slice(0, -MUTANT_SUFFIX.length),
      ...parseMutant(readFileSync(join(folder, file), 'utf8')),
    }));
}

export function parseMutant(text) {
  const [what = '', ...lines] = text.trimEnd().split('\n');
  const hunks = [];
  for (const line of lines) {
    if (line.startsWith('@@ ')) hunks.push({ file: line.slice(3).trim(), before: [], after: [] });
    else {
      const hunk = hunks.at(-1);
      if (hunk === undefined) continue;
      if (!line.startsWith('+')) hunk.before.push(line.slice(1));
      if (!line.startsWith('-')) hunk.after.push(line.slice(1));
    }
  }
  if (hunks.length === 0) throw new Error(`a patch without a hunk: ${what}`);
  return { what, hunks };
}

/** The patched files of a mutant, by path. Throws when a hunk does not apply exactly once. */
export function applyMutant(root, { name, hunks }) {
  const files = new Map();
  for (const { file, before, after } of hunks) {
    const lines = (files.get(file) ?? readFileSync(join(root, file), 'utf8')).split('\n');
    const at = lines.flatMap((_, index) => (matches(lines, index, before) ? [index] : []));
    if (at.length !== 1) {
      throw new Error(
        `${name}: a hunk applies ${at.length} times to ${file}:\n${before.join('\n')}`,
      );
    }
    lines.splice(at[0], before.length, ...after);
    files.set(file, lines.join('\n'));
  }
  return files;
}

function matches(lines, index, wanted) {
  return wanted.every((line, offset) => lines[index + offset]?.trim() === line.trim());
}

export function writeFiles(folder, files) {
  for (const [file, text] of files) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** Runs `act` on each item, so many at a time. */
export async function inTurns(items, jobs, act) {
  const waiting = [...items];
  const takeTurns = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: jobs }, takeTurns));
}

/** A part of the mutants: each `step`-th, beginning where the commit says, so that commit by commit all have their turn. */
export function sampleOf(mutants, count, seed) {
  const step = Math.max(1, Math.floor(mutants.length / count));
  const first = Number.parseInt(seed.slice(0, 8), 16) % step || 0;
  return mutants.filter((_, index) => index % step === first).slice(0, count);
}
