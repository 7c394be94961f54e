/**
 * How sure it is that a task's rows will be needed as they are (F6, §2.5). Standard: its partition is sealed. Speculative:
 * its input may still grow. Eager: speculative too, and likely to end the query early.
 */
export type ExecutionClass = 'standard' | 'speculative' | 'eager-speculative';

/** A class stays or becomes standard, when the partition is sealed. */
export function canChangeClass(from: ExecutionClass, to: ExecutionClass): boolean {
  return from === to || to === 'standard';
}
