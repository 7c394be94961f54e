/** A macro's definition taken apart: `(a, b INTEGER := 2) AS a + b, (a) AS …`. */
import { type SessionMacro } from '../../common/session-state.ts';
import { notSupported } from './statement-name.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Each of type and default as it is written. */
export interface MacroParameter {
  readonly name: string;
  readonly type: string | undefined;
  readonly defaultValue: string | undefined;
}

export interface MacroOverload {
  readonly parameters: readonly MacroParameter[];
  /** An expression, of a table macro a query. */
  readonly body: string;
}

/**
 * Whoever uses the parts has DuckDB parse each for itself, and makes the macro of them: words that DuckDB's lexer cuts
 * in another way are then refused, not mistaken.
 * @throws EngineError STATEMENT_NOT_SUPPORTED
 */
export function macroOverloads({ kind, definition }: SessionMacro): readonly MacroOverload[] {
  const parts = new Parts(definition);
  return parts.overloads(kind === 'table-macro').map(([parameters, body]) => ({
    parameters: parts.split(parameters, ',').map((range) => parts.parameter(range)),
    body: parts.textOf(body),
  }));
}

/** @throws EngineError STATEMENT_NOT_SUPPORTED */
export function unreadableMacro(): Error {
  const remedy = 'write it without comments, and with plain texts in place of E and U& ones';
  return notSupported('a macro whose parts cannot be told apart', remedy);
}

/** Tokens from the first to before the last. */
type Range = readonly [first: number, end: number];

class Parts {
  readonly #sql: string;
  readonly #tokens: readonly Token[];
  /** How deep in parentheses and brackets each token stands; those themselves stand outside. */
  readonly #depths: readonly number[];

  constructor(sql: string) {
    this.#sql = sql;
    this.#tokens = tokensOf(sql);
    this.#depths = depthsOf(this.#tokens);
  }

  overloads(ofTables: boolean): readonly (readonly [parameters: Range, body: Range])[] {
    const starts = [0, ...this.#starts(ofTables)];
    return starts.map((start, i) => {
      const close = this.#closeOf(start);
      const first = this.#bodyAt(close + 1, ofTables);
      const end = starts[i + 1];
      // The next one stands behind a comma.
      const body: Range = [first, end === undefined ? this.#tokens.length : end - 1];
      return [[start + 1, close], body];
    });
  }

  parameter([first, end]: Range): MacroParameter {
    const name = this.#tokens[first];
    if (name?.kind !== 'word' && name?.kind !== 'name') throw unreadableMacro();
    let assigned = first + 1;
    while (assigned < end && !this.#isAssignment(assigned)) assigned += 1;
    return {
      name: name.text,
      type: assigned === first + 1 ? undefined : this.textOf([first + 1, assigned]),
      defaultValue: assigned === end ? undefined : this.textOf([assigned + 2, end]),
    };
  }

  /** None when there is nothing. */
  split([first, end]: Range, symbol: string): readonly Range[] {
    if (first === end) return [];
    const depth = this.#depths[first];
    const ranges: Range[] = [];
    let start = first;
    for (let i = first; i < end; i += 1) {
      if (!this.#isSymbol(i, symbol) || this.#depths[i] !== depth) continue;
      ranges.push([start, i]);
      start = i + 1;
    }
    return [...ranges, [start, end]];
  }

  textOf([first, end]: Range): string {
    const [start, last] = [this.#tokens[first], this.#tokens[end - 1]];
    if (start === undefined || last === undefined || first >= end) throw unreadableMacro();
    return this.#sql.slice(start.start, last.end);
  }

  /** Parentheses of parameters behind the first: in a query, commas do not tell, but AS TABLE does. */
  *#starts(ofTables: boolean): Generator<number> {
    for (let i = 1; i < this.#tokens.length; i += 1) {
      if (this.#depths[i] !== 0 || !this.#isSymbol(i, ',')) continue;
      const isStart = this.#isSymbol(i + 1, '(') && this.#isWord(this.#closeOf(i + 1) + 1, 'AS');
      if (!ofTables || (isStart && this.#isWord(this.#closeOf(i + 1) + 2, 'TABLE'))) yield i + 1;
    }
  }

  #bodyAt(index: number, ofTables: boolean): number {
    const isTable = this.#isWord(index + 1, 'TABLE');
    if (!this.#isWord(index, 'AS') || isTable !== ofTables) throw unreadableMacro();
    return index + (ofTables ? 2 : 1);
  }

  #closeOf(open: number): number {
    const depth = this.#depths[open];
    const close = this.#depths.findIndex((other, i) => i > open && other === depth);
    if (!this.#isSymbol(open, '(') || !this.#isSymbol(close, ')')) throw unreadableMacro();
    return close;
  }

  /** `:=` or `=>`. */
  #isAssignment(index: number): boolean {
    const [a, b] = [this.#tokens[index], this.#tokens[index + 1]];
    if (a?.kind !== 'symbol' || b?.kind !== 'symbol' || a.end !== b.start) return false;
    return [':=', '=>'].includes(a.text + b.text);
  }

  #isSymbol(index: number, text: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === 'symbol' && token.text === text;
  }

  #isWord(index: number, keyword: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === 'word' && token.text.toUpperCase() === keyword;
  }
}

function depthsOf(tokens: readonly Token[]): readonly number[] {
  let depth = 0;
  return tokens.map(({ kind, text }) => {
    if (kind !== 'symbol') return depth;
    if (')]}'.includes(text)) depth -= 1;
    const own = depth;
    if ('([{'.includes(text)) depth += 1;
    return own;
  });
}
