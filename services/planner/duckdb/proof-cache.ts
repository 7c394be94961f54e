import { type Column } from '../../common/plan/column-type.ts';

/** Texts and columns together: a few thousand fragments. */
const MAX_CHARACTERS = 4 << 20;
/** A longer statement would push out many that come again. */
const MAX_STATEMENT_CHARACTERS = 64 << 10;

/**
 * What proof statements bind to. A proof names its inputs' types and reads nothing, so its text and the session
 * settings decide it: a fragment that was proved once need not be bound again. The least recently used go first.
 */
export class ProofCache {
  readonly #columns = new Map<string, readonly Column[]>();
  #characters = 0;

  get(settings: string, statement: string): readonly Column[] | undefined {
    const key = keyOf(settings, statement);
    const columns = this.#columns.get(key);
    if (columns === undefined) return undefined;
    this.#columns.delete(key);
    this.#columns.set(key, columns);
    return columns;
  }

  set(settings: string, statement: string, columns: readonly Column[]): void {
    const key = keyOf(settings, statement);
    if (key.length > MAX_STATEMENT_CHARACTERS || this.#columns.has(key)) return;
    this.#columns.set(key, columns);
    this.#characters += key.length;
    for (const oldest of this.#columns.keys()) {
      if (this.#characters <= MAX_CHARACTERS) return;
      this.#columns.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

function keyOf(settings: string, statement: string): string {
  return `${settings}\n${statement}`;
}
