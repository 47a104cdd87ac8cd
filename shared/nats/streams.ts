/** A stream as Sluice declares it; created when missing, updated where the server allows it. */
export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  readonly maxMsgsPerSubject?: number;
  readonly duplicateWindowMs?: number;
  readonly republish?: { readonly src: string; readonly dest: string };
}

/** Acknowledgement of a stored message. `duplicate`: the stream already had this `msgId` and kept the first one. */
export interface StoredAck {
  readonly seq: number;
  readonly duplicate: boolean;
}

/** A message of a stream, read back. `prev`: sequence of the message before it on the same subject, 0 when unknown. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
}

/** What is known of a stream. `createdMs` tells one incarnation of a memory stream from the next. */
export interface StreamState {
  readonly createdMs: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
}
