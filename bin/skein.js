#!/usr/bin/env node
// DuckDB's statements hold threads of libuv's pool, which reads its size once, at its first use.
process.env.UV_THREADPOOL_SIZE ??= '32';
const { main } = await import('../dist/services/cli/main.js');
await main(process.argv);
