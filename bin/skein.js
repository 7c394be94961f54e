#!/usr/bin/env node
// libuv reads the size of its pool once, at its first use, and every running DuckDB statement holds one of its
// threads. A CommonJS file is loaded without the pool, so this is early enough.
process.env.UV_THREADPOOL_SIZE ??= '64';
void import('../dist/services/cli/main.js').then(({ main }) => main(process.argv));
