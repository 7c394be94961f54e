/** What the main thread and a slot say to each other. Pages travel as transferred ArrayBuffers. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorReport } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import type {
  DealtPage,
  FlushResult,
  FragmentRun,
  StatementBatch,
  StatementResult,
} from '../task/fragment-slot.ts';
import type { SlotProfile } from './slot-profile.ts';

/** Given to the thread when it starts. */
export interface SlotStart {
  readonly signals: SharedArrayBuffer;
  /** Input pages; read synchronously within callbacks, so never listened to. */
  readonly inputPort: MessagePort;
}

export type SlotOrder =
  /** Opens an instance of this profile, in place of the one before. Answered by `opened` or `failed`. */
  | { readonly kind: 'open'; readonly profile: SlotProfile }
  /** Answered by `inspected` or `failed`. */
  | { readonly kind: 'inspect' }
  /** Runs one statement; the first one of a run says which. Answered by `executed` or `failed`. */
  | {
      readonly kind: 'execute';
      readonly begin: NumberedRun | undefined;
      readonly batch: StatementBatch;
    }
  /** Sends all rows that are still held. Answered by `flushed`. */
  | { readonly kind: 'flush' }
  /** Interrupts the running statement, if there is one, until it ends. Not answered. */
  | { readonly kind: 'interrupt' }
  /** The run is over: forgets what was loaded for it. Answered by `ended` or `failed`. */
  | { readonly kind: 'end' }
  /** Closes the instance and ends the thread. Not answered. */
  | { readonly kind: 'close' };

/** The number tells its input pages from those of earlier runs. */
export interface NumberedRun {
  readonly runNumber: number;
  readonly run: FragmentRun;
}

/** Whether the main thread waits for a report on it. */
export function isAnswered({ kind }: SlotOrder): boolean {
  return kind !== 'interrupt' && kind !== 'close';
}

/** All but the processor time, which is the process's and not the thread's. */
export type MeasuredStatement = Omit<StatementResult, 'cpuMs'>;

export type SlotReport =
  | { readonly kind: 'opened' }
  | { readonly kind: 'inspected'; readonly engine: EngineDescription }
  | { readonly kind: 'pages'; readonly pages: readonly DealtPage[] }
  /** The slot has read an input page of so many bytes. */
  | { readonly kind: 'consumed'; readonly sourceId: SourceId; readonly byteCount: number }
  /** DuckDB's memory at this moment of a statement that takes longer. */
  | { readonly kind: 'memory'; readonly memoryBytes: number }
  | { readonly kind: 'executed'; readonly result: MeasuredStatement }
  | { readonly kind: 'flushed'; readonly result: FlushResult }
  | { readonly kind: 'ended' }
  /** `stack`: of a bug, for the log. */
  | { readonly kind: 'failed'; readonly error: ErrorReport; readonly stack?: string };

/** What must be the same on all workers of a cluster. */
export interface EngineDescription {
  readonly duckdbVersion: string;
  /** Of hash() over all types: it deals the rows. */
  readonly hashFingerprint: string;
}

/** On the input port; without a page: the source's end. */
export interface InputPage {
  readonly runNumber: number;
  readonly sourceId: SourceId;
  readonly page: Page | undefined;
}
