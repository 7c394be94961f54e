/** Paths in an object store: `s3://bucket/key`. */

const SCHEME = 's3://';

export function isObjectPath(path: string): boolean {
  return path.toLowerCase().startsWith(SCHEME);
}

/**
 * Whether the path means below its prefix what it says: DuckDB compares it with the allowed prefixes letter by
 * letter, but servers and proxies may resolve `..`, and `?` begins parameters of the request (measured).
 */
export function isPlainObjectPath(path: string): boolean {
  if (!path.startsWith(SCHEME) || /[?#%\\]/.test(path)) return false;
  return path
    .slice(SCHEME.length)
    .split('/')
    .every((segment) => segment !== '.' && segment !== '..');
}
