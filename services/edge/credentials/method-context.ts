import type { Bus } from '@sluice/nats';
import type { Consumer, GatewayDocument } from '@sluice/policy';
import type { Registry } from '@sluice/telemetry';
import type { CredentialSettings } from './settings.ts';

/** The gateway document as everything here follows it: `DocumentFollower` of @sluice/policy, or what a test has. */
export interface DocumentSource {
  readonly current: GatewayDocument;
  onChange(listener: (document: GatewayDocument, revision: number) => void): () => void;
}

/** API clients by id, those of the document before those of KV `consumers`. */
export interface ConsumerDirectory {
  /** At once; null for one that does not exist, or that nobody has authenticated as on this edge for a long time. */
  get(id: string): Consumer | null;
  /** Looks it up where it is not at hand. Rejects with SluiceError `unavailable` when that is not possible now. */
  find(id: string): Consumer | null | Promise<Consumer | null>;
}

/** What every credential method is made with. */
export interface MethodContext {
  readonly bus: Bus;
  readonly document: DocumentSource;
  readonly consumers: ConsumerDirectory;
  readonly settings: CredentialSettings;
  readonly registry: Registry;
  /** To be called when callers of this method may have stopped being good: live connections are looked through. */
  readonly changed: () => void;
  /** For the log; nothing in it may be a credential. */
  readonly report: (detail: string, error?: unknown) => void;
}
