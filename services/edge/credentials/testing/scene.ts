import type { GatewayInput } from '@sluice/policy';
import {
  startNatsServer,
  startTokenIssuer,
  testAudience,
  type TestNats,
  type TokenIssuer,
} from '@sluice/testing';
import type { Caller } from '../../caller.ts';
import { bearer, outcome, sent } from './credentials.ts';
import { startCredentialKit, type CredentialKit } from './kit.ts';

type Outcome = Caller | { code: string; asks: string | undefined } | null;

/** A kit on a server of its own, an issuer of tokens that its document trusts, and the consumer `acme` in it. */
export interface CredentialScene {
  readonly nats: TestNats;
  readonly idp: TokenIssuer;
  readonly kit: CredentialKit;
  /** The methods that callers are judged by. */
  readonly methods: readonly string[];
  /** The document it starts with, `more` laid over its members. */
  readonly document: (more?: GatewayInput) => GatewayInput;
  readonly judge: (apiKey: string) => Promise<Outcome>;
  readonly judgeToken: (token: string) => Promise<Outcome>;
  /** The caller of a good API key. Throws where it is refused. */
  readonly accepted: (apiKey: string) => Promise<Caller>;
  /** Makes a consumer, and gives its id. */
  readonly consumer: (more?: object) => Promise<string>;
  stop(): Promise<void>;
}

export async function startCredentialScene(): Promise<CredentialScene> {
  const nats = await startNatsServer();
  const idp = await startTokenIssuer();
  const document = (more: GatewayInput = {}): GatewayInput => ({
    issuers: { idp: { issuer: idp.issuer, audience: [testAudience], jwks: { url: idp.jwksUrl } } },
    roles: { trader: { scopes: ['markets:write'] } },
    consumers: [{ id: 'declared', roles: ['trader'] }],
    ...more,
  });
  const kit = await startCredentialKit(nats, { document: document() });
  await kit.putConsumer('acme', { roles: ['trader'], tenant: 'north' });
  const methods = ['key', 'jwt'];
  const judge = (apiKey: string): Promise<Outcome> =>
    outcome(() => kit.authenticator.identify(sent({ apiKey }), methods));
  let count = 0;
  return {
    nats,
    idp,
    kit,
    methods,
    document,
    judge,
    judgeToken: (token) => outcome(() => kit.authenticator.identify(bearer(token), methods)),
    async accepted(apiKey) {
      const caller = await judge(apiKey);
      if (caller === null || !('method' in caller) || caller.method !== 'key')
        throw new Error(`refused: ${JSON.stringify(caller)}`);
      return caller;
    },
    async consumer(more = {}) {
      const id = `c${(count += 1)}`;
      await kit.putConsumer(id, more);
      return id;
    },
    async stop() {
      await kit.stop();
      await idp[Symbol.asyncDispose]();
      await nats.stop();
    },
  };
}
