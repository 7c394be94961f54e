/** Memory for vector entries under construction; its content lives until the next call. */
let words = new Uint32Array(0);

/** At least `wordCount` 32-bit words with unspecified content. */
export function scratchWords(wordCount: number): Uint32Array<ArrayBuffer> {
  if (words.length < wordCount) words = new Uint32Array(Math.max(wordCount, words.length * 2));
  return words;
}
