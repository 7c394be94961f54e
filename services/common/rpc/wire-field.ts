/**
 * How a wire message becomes domain data without trusting it: a missing field, an unknown enum value or a
 * number that does not fit is INVALID_REQUEST and names the field. Every `…FromWire` is total in this sense.
 */
import { EngineError } from '../error.ts';

export function invalidField(field: string, problem: string): EngineError {
  return new EngineError('INVALID_REQUEST', `${field}: ${problem}`, { details: { field } });
}

/** The value of a message field that must be there. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, 'is missing');
  return value;
}

/** A text that must not be empty (proto3 cannot tell empty from missing). */
export function requiredText(value: string, field: string): string {
  if (value === '') throw invalidField(field, 'is missing');
  return value;
}

/** An id from its text form by its parser of `ids.ts`. */
export function parsed<T>(text: string, parse: (text: string) => T | undefined, field: string): T {
  const value = parse(text);
  if (value === undefined) throw invalidField(field, `'${text.slice(0, 100)}' is not valid`);
  return value;
}

/** 64-bit integer → number; only what a number holds exactly. */
export function safeInteger(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalidField(field, `${value} is out of range`);
  return number;
}

/** A number that is a measurement: neither NaN nor infinite. */
export function finite(value: number, field: string): number {
  if (!Number.isFinite(value)) throw invalidField(field, `${value} is not a finite number`);
  return value;
}

/** Both directions between a closed set of domain words and the numbers of a wire enum. */
export interface EnumMapping<Word extends string, Wire extends number> {
  toWire(word: Word): Wire;
  fromWire(value: number, field: string): Word;
}

/** `table` names the wire value of every word; 0 (unspecified) and unknown numbers are refused. */
export function enumMapping<Word extends string, Wire extends number>(
  table: Readonly<Record<Word, Wire>>,
): EnumMapping<Word, Wire> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(table) as Word[]) words.set(table[word], word);
  return {
    toWire: (word) => table[word],
    fromWire: (value, field) => {
      const word = words.get(value);
      if (word === undefined) throw invalidField(field, `unknown enum value ${value}`);
      return word;
    },
  };
}
