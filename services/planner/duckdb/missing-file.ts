import { EngineError } from '../../common/error.ts';
import { type PlanningInstance } from './planning-instance.ts';

/**
 * A failed read as SOURCE_NOT_FOUND when one of these files, or any file of one of these patterns, is missing:
 * DuckDB gives that error no code of its own, so each of them is looked up.
 */
export async function namingMissingFile(
  error: EngineError,
  paths: readonly string[],
  instance: PlanningInstance,
): Promise<EngineError> {
  for (const path of paths) {
    if (await instance.hasFile(path)) continue;
    const message = `there is no file ${path}`;
    return new EngineError('SOURCE_NOT_FOUND', message, {
      position: error.position,
      details: { ...error.details, file: path },
      cause: error,
    });
  }
  return error;
}
