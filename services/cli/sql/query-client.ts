/** What `skein sql` needs of a gateway; implemented over skein.v1 in `cli/rpc/`. Failures are EngineErrors. */
export interface SubmitOptions {
  readonly sql: string;
  /** What session properties are where the session has not SET them. */
  readonly sessionDefaults: Readonly<Record<string, string>>;
  readonly session: Uint8Array;
  /** The query can be cancelled by it before it has an id. */
  readonly requestId: string;
}

export interface SubmittedQuery {
  readonly queryId: string;
  /** Carried into the next statement. */
  readonly session: Uint8Array;
  /** Otherwise the session may still change. */
  readonly isPlanned: boolean;
}

export interface ResultPart {
  readonly arrowIpc: Uint8Array;
  /** Empty when the part does not end a batch. */
  readonly token: Uint8Array;
  readonly complete: boolean;
}

export interface QueryProgress {
  readonly queryId: string;
  readonly state: string;
  readonly completedSplits: number;
  readonly totalSplits: number;
  readonly inputRows: number;
  readonly inputBytes: number;
  readonly elapsedMs: number;
  /** While it waits for admission: which resource group lets no more begin, and for want of what. */
  readonly admissionWait?: { readonly resourceGroup: string; readonly factor: string };
}

export interface QueryClient {
  submit(options: SubmitOptions, signal: AbortSignal): Promise<SubmittedQuery>;
  /** From the start, or behind `token`. */
  fetchResults(queryId: string, token: Uint8Array, signal: AbortSignal): AsyncIterable<ResultPart>;
  watch(queryId: string, signal: AbortSignal): AsyncIterable<QueryProgress>;
  /** The session behind a statement that has changed it. */
  changedSession(queryId: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  cancel(query: { readonly queryId: string } | { readonly requestId: string }): Promise<void>;
  close(): void;
}
