/** A thread of a search: answers each order with its result. */
import { parentPort } from 'node:worker_threads';
import { searchHere } from './search.ts';
import type { SearchOrder } from './search.ts';

parentPort?.on('message', (order: SearchOrder) => {
  // What it throws ends the thread, and the search with it.
  void searchHere(order).then((result) => parentPort?.postMessage(result));
});
