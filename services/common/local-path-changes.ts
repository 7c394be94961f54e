import { stat } from 'node:fs/promises';
import type { PathChanges } from './path-changes.ts';

export const localPathChanges: PathChanges = {
  async changedAtMs(path) {
    try {
      return (await stat(path)).ctimeMs;
    } catch {
      // Whatever is wrong with it, it is not what it was; whoever reads it says what is wrong.
      return undefined;
    }
  },
};
