/** A thread of a search: answers each order with its result. */
import { parentPort } from 'node:worker_threads';
import { searchHere } from './search.ts';
import type { SearchOrder } from './search.ts';

// Failures are a matter of course here, and a replay of one has its stack.
Error.stackTraceLimit = 0;

parentPort?.on('message', (order: SearchOrder) => {
  // What it throws ends the thread, and the search with it.
  void searchHere(order).then((result) => parentPort?.postMessage(result));
});
