import type { ErrorReport as WireErrorReport } from '../../../proto/gen/skein/internal/v1/error.ts';
import type { ErrorReport } from '../error.ts';
import { isErrorCode } from '../error.ts';
import { clipText } from './clip-text.ts';
import { parsed } from './wire-field.ts';

/**
 * DuckDB's messages quote values, and a value may be longer than any message may be: an error that cannot be told would
 * be told again and again.
 */
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_DETAIL_BYTES = 8 * 1024;
const MAX_DETAIL_COUNT = 16;

/** Long texts are clipped. */
export function errorReportToWire(report: ErrorReport): WireErrorReport {
  const details = Object.entries(report.details ?? {}).slice(0, MAX_DETAIL_COUNT);
  return {
    code: report.code,
    message: clipText(report.message, MAX_MESSAGE_BYTES),
    position: report.position,
    details: Object.fromEntries(
      details.map(([key, text]) => [key, clipText(text, MAX_DETAIL_BYTES)]),
    ),
  };
}

export function errorReportFromWire(wire: WireErrorReport, field: string): ErrorReport {
  return {
    code: parsed(wire.code, (text) => (isErrorCode(text) ? text : undefined), `${field}.code`),
    message: wire.message,
    ...(wire.position === undefined ? {} : { position: wire.position }),
    ...(Object.keys(wire.details).length === 0 ? {} : { details: wire.details }),
  };
}
