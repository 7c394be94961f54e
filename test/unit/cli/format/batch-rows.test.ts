import { RecordBatchReader } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { columnsOf, rowsOf } from '../../../../services/cli/format/batch-rows.ts';
import {
  encodeSchemaMessage,
  END_OF_STREAM,
} from '../../../../services/common/page/schema-message.ts';

describe('a result without rows', () => {
  it('shows its columns, nested ones too', () => {
    const schema = encodeSchemaMessage([
      { name: 'l', type: { id: 'LIST', child: { id: 'INTEGER' } } },
      { name: 's', type: { id: 'STRUCT', fields: [{ name: 'x', type: { id: 'VARCHAR' } }] } },
    ]);
    const reader = RecordBatchReader.from(Buffer.concat([schema, END_OF_STREAM]));
    reader.open();
    expect(columnsOf(reader.schema).map(({ name }) => name)).toEqual(['l', 's']);
    for (const batch of reader) expect(rowsOf(batch)).toEqual([]);
  });
});
