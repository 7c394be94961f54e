/** One map of a configuration file: its keys are known, its values of their kind, or the place is told. */
import { EngineError } from '../../common/error.ts';
import { wholeTextPattern } from './group-selection.ts';

/** `path`: where in the file, such as `root.groups[1].weight`. */
export function configError(
  path: string,
  problem: string,
  { wayOut }: { readonly wayOut?: string } = {},
): EngineError {
  const where = path === '' ? 'the file' : path;
  const message = `${where}: ${problem}${wayOut === undefined ? '' : ` (${wayOut})`}`;
  return new EngineError('INVALID_CONFIGURATION', message, { details: { path } });
}

/** Every reader answers `undefined` or `null` for a key that is absent. @throws EngineError INVALID_CONFIGURATION */
export class ConfigMap {
  readonly #entries: ReadonlyMap<string, unknown>;
  readonly #path: string;

  constructor(content: unknown, path: string, keys: readonly string[]) {
    this.#path = path;
    if (typeof content !== 'object' || content === null || Array.isArray(content))
      throw configError(path, 'it is not a map of keys to values');
    this.#entries = new Map(Object.entries(content));
    for (const key of this.#entries.keys()) {
      if (keys.includes(key)) continue;
      throw configError(this.pathOf(key), 'there is no such key', {
        wayOut: `it is one of: ${keys.join(', ')}`,
      });
    }
  }

  pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  /** Absent: an empty one. */
  map(key: string, keys: readonly string[]): ConfigMap {
    return new ConfigMap(this.#entries.get(key) ?? {}, this.pathOf(key), keys);
  }

  list(key: string): readonly unknown[] {
    const value = this.#entries.get(key) ?? [];
    if (Array.isArray(value)) return value;
    throw configError(this.pathOf(key), 'it is not a list');
  }

  text(key: string): string | undefined {
    const value = this.#entries.get(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw configError(this.pathOf(key), 'it is not a text');
  }

  texts(key: string): readonly string[] | undefined {
    if (!this.#entries.has(key)) return undefined;
    return this.list(key).map((value, index) => {
      if (typeof value === 'string') return value;
      throw configError(this.pathOf(`${key}[${index}]`), 'it is not a text');
    });
  }

  integer(key: string, { min, max }: { readonly min: number; readonly max: number }) {
    const value = this.#entries.get(key);
    if (value === undefined) return null;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return value;
    throw configError(this.pathOf(key), `it is not a whole number from ${min} to ${max}`);
  }

  measure(
    key: string,
    {
      parse,
      form,
    }: { readonly parse: (text: string) => number | undefined; readonly form: string },
  ): number | null {
    if (!this.#entries.has(key)) return null;
    const value = parse(this.text(key) ?? '');
    if (value === undefined) throw configError(this.pathOf(key), `it is not ${form}`);
    return value;
  }

  choice<const T extends string>(key: string, values: readonly T[]): T | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : this.#choose(this.pathOf(key), text, values);
  }

  choices<const T extends string>(key: string, values: readonly T[]): readonly T[] | undefined {
    return this.texts(key)?.map((text, index) =>
      this.#choose(this.pathOf(`${key}[${index}]`), text, values),
    );
  }

  /** A regular expression that is to match a whole text. */
  pattern(key: string): string | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    try {
      wholeTextPattern(text);
      return text;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw configError(this.pathOf(key), `it is no regular expression: ${reason}`);
    }
  }

  #choose<T extends string>(path: string, text: string, values: readonly T[]): T {
    const value = values.find((each) => each === text);
    if (value !== undefined) return value;
    throw configError(path, `there is no '${text}'`, {
      wayOut: `it is one of: ${values.join(', ')}`,
    });
  }
}
