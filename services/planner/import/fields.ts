import { UnsupportedError } from '../logical/unsupported.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';

const MAX_POSITION = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Strict access to the objects of a serialized plan. A field nobody knows, or one of another shape than
 * expected, is UnsupportedError: what is not understood must not be dropped.
 */
export class Fields {
  readonly #object: JsonObject;
  /** What the object is, for reasons: `LOGICAL_GET`, `BOUND_CASE` … */
  readonly where: string;

  /** `known` lists every field the object may have. */
  constructor(value: Json | undefined, where: string, known: ReadonlySet<string>) {
    if (!isJsonObject(value)) throw new UnsupportedError(`shape of ${where}`);
    this.#object = value;
    this.where = where;
    for (const key of Object.keys(value)) {
      if (!known.has(key)) throw new UnsupportedError(`field ${key} of ${where}`);
    }
  }

  json(name: string): Json {
    const value = this.#object[name];
    if (value === undefined) throw this.#refuse(name);
    return value;
  }

  isNull(name: string): boolean {
    return this.json(name) === null;
  }

  text(name: string): string {
    const value = this.#object[name];
    if (typeof value !== 'string') throw this.#refuse(name);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#object[name];
    if (typeof value !== 'boolean') throw this.#refuse(name);
    return value;
  }

  /** A position or count. */
  index(name: string): number {
    return this.#position(this.#object[name], name);
  }

  list(name: string): readonly Json[] {
    const value = this.#object[name];
    if (!isJsonArray(value)) throw this.#refuse(name);
    return value;
  }

  indexes(name: string): readonly number[] {
    return this.list(name).map((value) => this.#position(value, name));
  }

  texts(name: string): readonly string[] {
    return this.list(name).map((value) => {
      if (typeof value !== 'string') throw this.#refuse(name);
      return value;
    });
  }

  /** The field carries nothing we would lose: null, an empty list or text, or one of `harmless`. */
  expectEmpty(name: string, harmless: readonly Json[] = []): void {
    const value = this.json(name);
    const isEmpty = value === null || value === '' || (isJsonArray(value) && value.length === 0);
    if (!isEmpty && !harmless.includes(value)) throw this.#refuse(name);
  }

  #position(value: Json | undefined, name: string): number {
    if (typeof value !== 'bigint' || value < 0n || value > MAX_POSITION) throw this.#refuse(name);
    return Number(value);
  }

  #refuse(name: string): UnsupportedError {
    return new UnsupportedError(`value of field ${name} of ${this.where}`);
  }
}

/** The fields of `names`, beside those of `others`. */
export function fieldSet(names: string, others?: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...names.split(' '), ...(others ?? [])]);
}

export function textOf(value: Json | undefined, where: string): string {
  if (typeof value !== 'string') throw new UnsupportedError(`shape of ${where}`);
  return value;
}

export function bigintOf(value: Json | undefined, where: string): bigint {
  if (typeof value === 'bigint') return value;
  throw new UnsupportedError(`shape of ${where}`);
}
