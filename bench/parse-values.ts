/** Values of command-line arguments; all throw what is wrong with them. */

/** `NAME=VALUE` of --set. */
export function parseProperty(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set needs NAME=VALUE, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

export function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} needs a positive number, not ${text}`);
  return value;
}

export function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (!Number.isInteger(value)) throw new Error(`--${name} needs a whole number, not ${text}`);
  return value;
}
