import { EngineError } from '../../common/error.ts';
import { type PlanningInstance } from './planning-instance.ts';

/**
 * A failed read with the one of these files or patterns that it is about. A local file that is missing has no code
 * of its own in DuckDB, so each is looked up; of an object store's DuckDB says which it is.
 */
export async function namingFile(
  error: EngineError,
  paths: readonly string[],
  instance: PlanningInstance,
): Promise<EngineError> {
  const named = paths.find((path) => error.message.includes(path));
  if (error.code !== 'SOURCE_READ_FAILED') return withFile(error, named);
  for (const path of paths) {
    if (await instance.hasFile(path)) continue;
    const message = `there is no file ${path}`;
    return new EngineError('SOURCE_NOT_FOUND', message, {
      position: error.position,
      details: { ...error.details, file: path },
      cause: error,
    });
  }
  return withFile(error, named);
}

function withFile(error: EngineError, file: string | undefined): EngineError {
  if (file === undefined) return error;
  const { code, message, position, details } = error;
  return new EngineError(code, message, { position, details: { ...details, file }, cause: error });
}
