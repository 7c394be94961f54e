/**
 * Lossless reader for the JSON that DuckDB prints. JSON.parse would round integers beyond 2^53 and refuse the
 * bare `Infinity` and `NaN` of floating-point constants; no library reads both.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Thrown for text that is not JSON in this sense; `offset` in UTF-16 units. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(expected: string, offset: number) {
    super(`expected ${expected} at offset ${offset} of a plan`);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
  }
}

/** Integers are bigints, numbers with a fraction or an exponent are numbers: so writing them back loses nothing. */
export function readJson(text: string): Json {
  const reader = new JsonReader(text);
  const value = reader.value();
  reader.end();
  return value;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|Infinity|NaN)/y;
const SPACE = /[ \t\r\n]*/y;

class JsonReader {
  readonly #text: string;
  #offset = 0;
  /** The last `type` field that is an object: a list of constants says it with each of them. */
  #lastType: { readonly text: string; readonly value: Json } | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Json {
    this.#skipSpace();
    switch (this.#text[this.#offset]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#offset !== this.#text.length) throw new JsonSyntaxError('the end', this.#offset);
  }

  #object(): JsonObject {
    const object: Record<string, Json> = {};
    this.#offset += 1;
    if (this.#skips('}')) return object;
    do {
      this.#skipSpace();
      const key = this.#string();
      if (key === '__proto__') throw new JsonSyntaxError('a field name', this.#offset);
      if (!this.#skips(':')) throw new JsonSyntaxError("':'", this.#offset);
      object[key] = key === 'type' ? this.#type() : this.value();
    } while (this.#skips(','));
    if (!this.#skips('}')) throw new JsonSyntaxError("'}'", this.#offset);
    return object;
  }

  #type(): Json {
    this.#skipSpace();
    const start = this.#offset;
    if (this.#text[start] !== '{') return this.value();
    const last = this.#lastType;
    if (last !== undefined && this.#text.startsWith(last.text, start)) {
      this.#offset += last.text.length;
      return last.value;
    }
    const value = this.value();
    this.#lastType = { text: this.#text.slice(start, this.#offset), value };
    return value;
  }

  #array(): readonly Json[] {
    const items: Json[] = [];
    this.#offset += 1;
    if (this.#skips(']')) return items;
    do items.push(this.value());
    while (this.#skips(','));
    if (!this.#skips(']')) throw new JsonSyntaxError("']'", this.#offset);
    return items;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#offset;
    if (text.charCodeAt(start) !== QUOTE) throw new JsonSyntaxError('a string', start);
    let end = start + 1;
    let isPlain = true;
    for (; ; end += 1) {
      const code = text.charCodeAt(end);
      if (Number.isNaN(code)) throw new JsonSyntaxError("'\"'", end);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        isPlain = false;
        end += 1;
      }
    }
    this.#offset = end + 1;
    return isPlain ? text.slice(start + 1, end) : unescape(text.slice(start, end + 1), start);
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#offset;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw new JsonSyntaxError('a value', this.#offset);
    this.#offset = NUMBER.lastIndex;
    const [text, fraction, exponent] = match;
    const isInteger = fraction === undefined && exponent === undefined && /\d$/.test(text);
    return isInteger ? BigInt(text) : Number(text);
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#offset))
      throw new JsonSyntaxError('a value', this.#offset);
    this.#offset += word.length;
    return value;
  }

  #skips(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#offset] !== mark) return false;
    this.#offset += 1;
    return true;
  }

  #skipSpace(): void {
    if (this.#text.charCodeAt(this.#offset) > 0x20) return;
    SPACE.lastIndex = this.#offset;
    SPACE.exec(this.#text);
    this.#offset = SPACE.lastIndex;
  }
}

/** The one place where JSON.parse is safe: a quoted string. */
function unescape(literal: string, offset: number): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new JsonSyntaxError('a string', offset);
  }
}
