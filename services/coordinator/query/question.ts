/** Questions of the planner: queries whose answer it needs before it can plan a statement. */
import { EngineError, fromErrorReport } from '../../common/error.ts';
import type { Column } from '../../common/plan/column-type.ts';
import { encodeSchemaMessage, END_OF_STREAM } from '../../common/page/schema-message.ts';
import type { Query } from './query.ts';

/**
 * The whole answer of a query as an Arrow IPC stream. Only what comes inline is read: an answer has one row, and result
 * pages of workers are not the coordinator's to fetch.
 * @throws EngineError the query's own, STATEMENT_NOT_SUPPORTED for an answer that is too large
 */
export async function readAnswer(query: Query, signal: AbortSignal): Promise<Uint8Array> {
  for await (const { phase, error } of query.watch(signal)) {
    if (error !== undefined) {
      // Its place is one in a statement that nobody sent.
      const { position: _, ...report } = error;
      throw fromErrorReport(report);
    }
    if (phase === 'finishing' || phase === 'finished') break;
  }
  for await (const { columns, locations } of query.watchResults(signal)) {
    const pages = locations.find(({ inlinePages }) => inlinePages !== undefined)?.inlinePages;
    if (pages !== undefined) return streamOf(columns, pages);
    break;
  }
  throw new EngineError(
    'STATEMENT_NOT_SUPPORTED',
    'what has to be known before the statement can be planned is too large: the values of a PIVOT, which can be given ' +
      '(PIVOT … ON … IN (…)), or the value of a variable',
  );
}

function streamOf(columns: readonly Column[], pages: readonly Uint8Array[]): Uint8Array {
  const pieces = [encodeSchemaMessage(columns), ...pages, END_OF_STREAM];
  const stream = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    stream.set(piece, at);
    at += piece.byteLength;
  }
  return stream;
}
