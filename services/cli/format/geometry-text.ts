/** Well-known binary (ISO) → well-known text, as DuckDB writes it. */
import { viewOf } from './arrow-data.ts';
import { doubleText } from './scalar-text.ts';

const NAMES = [
  'GEOMETRY',
  'POINT',
  'LINESTRING',
  'POLYGON',
  'MULTIPOINT',
  'MULTILINESTRING',
  'MULTIPOLYGON',
  'GEOMETRYCOLLECTION',
] as const;
const DIMENSIONS = ['', ' Z', ' M', ' ZM'] as const;

export function geometryText(wkb: Uint8Array): string {
  return new WkbReader(wkb).taggedText();
}

interface Header {
  readonly name: (typeof NAMES)[number];
  readonly dimension: string;
  readonly ordinates: number;
}

class WkbReader {
  readonly #view: DataView;
  #at = 0;
  #littleEndian = true;

  constructor(wkb: Uint8Array) {
    this.#view = viewOf(wkb);
  }

  taggedText(): string {
    const header = this.#header();
    return `${header.name}${header.dimension} ${this.#body(header)}`;
  }

  #header(): Header {
    this.#littleEndian = this.#view.getUint8(this.#at) === 1;
    this.#at += 1;
    const code = this.#count();
    const name = NAMES[code % 1000];
    const dimension = DIMENSIONS[Math.floor(code / 1000)];
    if (name === undefined || dimension === undefined)
      throw new Error(`well-known binary of unknown type ${code}`);
    return { name, dimension, ordinates: Math.max(2, dimension.length + 1) };
  }

  #body(header: Header): string {
    const { name, ordinates } = header;
    switch (name) {
      case 'POINT': {
        const point = this.#point(ordinates);
        return point === undefined ? 'EMPTY' : `(${point})`;
      }
      case 'LINESTRING':
        return this.#line(ordinates);
      case 'POLYGON':
        return this.#list(() => this.#line(ordinates));
      case 'MULTIPOINT':
        return this.#list(() => this.#point(this.#header().ordinates) ?? 'EMPTY');
      case 'MULTILINESTRING':
      case 'MULTIPOLYGON':
        return this.#list(() => this.#body(this.#header()));
      case 'GEOMETRYCOLLECTION':
        return this.#list(() => this.taggedText());
      case 'GEOMETRY':
        throw new Error('well-known binary without a type');
    }
  }

  #line(ordinates: number): string {
    return this.#list(() => this.#ordinates(ordinates).map(ordinateText).join(' '));
  }

  #list(item: () => string): string {
    const count = this.#count();
    return count === 0 ? 'EMPTY' : `(${Array.from({ length: count }, item).join(', ')})`;
  }

  /** undefined = the empty point, which has no number in it. */
  #point(count: number): string | undefined {
    const ordinates = this.#ordinates(count);
    return ordinates.every(Number.isNaN) ? undefined : ordinates.map(ordinateText).join(' ');
  }

  #ordinates(count: number): readonly number[] {
    return Array.from({ length: count }, () => {
      this.#at += 8;
      return this.#view.getFloat64(this.#at - 8, this.#littleEndian);
    });
  }

  #count(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, this.#littleEndian);
  }
}

function ordinateText(value: number): string {
  return doubleText(value).replace(/\.0$/, '');
}
