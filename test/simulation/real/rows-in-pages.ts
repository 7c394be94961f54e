/** Rows as real pages: one column of 32-bit numbers in an Arrow record batch. */
import type { Page } from '../../../services/common/page/page.ts';
import {
  decodeRecordBatch,
  encodeRecordBatch,
} from '../../../services/common/page/record-batch-message.ts';
import type { Row } from '../rows.ts';

export function toPage(rows: readonly Row[]): Page {
  const data = new Uint8Array(Uint32Array.from(rows).buffer);
  const nodes = [{ rowCount: rows.length, nullCount: 0 }];
  return encodeRecordBatch({ rowCount: rows.length, nodes, buffers: [new Uint8Array(0), data] });
}

export function fromPage(page: Page): readonly Row[] {
  const { rowCount, buffers } = decodeRecordBatch(page);
  const data = buffers[1] ?? new Uint8Array(0);
  return [...new Uint32Array(data.slice().buffer, 0, rowCount)];
}
