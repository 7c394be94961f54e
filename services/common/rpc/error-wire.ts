import type { ErrorReport as WireErrorReport } from '../../../proto/gen/skein/internal/v1/error.ts';
import type { ErrorReport } from '../error.ts';
import { isErrorCode } from '../error.ts';
import { parsed } from './wire-field.ts';

export function errorReportToWire(report: ErrorReport): WireErrorReport {
  return {
    code: report.code,
    message: report.message,
    position: report.position,
    details: { ...report.details },
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
