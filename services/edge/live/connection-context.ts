import type { Logger } from '@sluice/telemetry';
import type { GatewayCaller } from '../live-port.ts';
import type { Hub } from './hub.ts';
import type { LiveRules } from './rules.ts';
import type { LiveConfig } from './settings.ts';
import type { Rechecked } from './sweep.ts';

/** What all connections of an edge share. */
export interface ConnectionContext {
  readonly hub: Hub;
  readonly config: LiveConfig;
  readonly logger: Logger;
  readonly call: GatewayCaller;
  readonly rules: () => LiveRules;
  readonly addressAllowed: (address: string) => boolean;
  /** Calls `recheck` in a later turn: very many connections may ask for it at once. */
  readonly recheckSoon: (connection: Rechecked) => void;
  /** What a refusal for want of credentials asks for: value of `www-authenticate`. */
  readonly challenge: () => string;
}
