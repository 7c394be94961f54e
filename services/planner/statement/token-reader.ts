import { type Token, tokensOf } from './tokens.ts';

/** A part of a statement's text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Reads a statement word by word; keywords are compared in upper case. */
export class TokenReader {
  readonly sql: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  /** Semicolons at the end are left out. */
  constructor(sql: string) {
    this.sql = sql;
    const tokens = [...tokensOf(sql)];
    while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop();
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#next + ahead];
  }

  /** The next word in upper case; empty for anything else. */
  keyword(ahead = 0): string {
    const token = this.peek(ahead);
    return token?.kind === 'word' ? token.text.toUpperCase() : '';
  }

  /** Steps over the words if they stand here. */
  accept(...words: readonly string[]): boolean {
    if (!words.every((word, i) => this.keyword(i) === word)) return false;
    this.#next += words.length;
    return true;
  }

  acceptSymbol(symbol: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'symbol' || token.text !== symbol) return false;
    this.#next += 1;
    return true;
  }

  /** The next token, whatever it is. */
  take(): Token | undefined {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** An identifier, quoted or not. */
  takeName(): string | undefined {
    const token = this.peek();
    if (token?.kind !== 'word' && token?.kind !== 'name') return undefined;
    this.#next += 1;
    return token.text;
  }

  /** Names joined by dots. */
  takePath(): readonly string[] | undefined {
    const path: string[] = [];
    do {
      const name = this.takeName();
      if (name === undefined) return undefined;
      path.push(name);
    } while (this.acceptSymbol('.'));
    return path;
  }

  /** All that is left. */
  takeRest(): TextRange | undefined {
    const first = this.peek();
    const last = this.#tokens.at(-1);
    if (first === undefined || last === undefined) return undefined;
    this.#next = this.#tokens.length;
    return { start: first.start, end: last.end };
  }

  /** What is between the parenthesis that is next and the one that closes it. */
  takeParenthesized(): TextRange | undefined {
    if (!this.acceptSymbol('(')) return undefined;
    const start = this.#tokens[this.#next - 1]?.end ?? 0;
    for (let depth = 1; !this.isAtEnd;) {
      const token = this.take();
      if (token?.kind !== 'symbol') continue;
      if (token.text === '(') depth += 1;
      if (token.text === ')') depth -= 1;
      if (depth === 0) return { start, end: token.start };
    }
    return undefined;
  }

  textOf({ start, end }: TextRange): string {
    return this.sql.slice(start, end);
  }
}
