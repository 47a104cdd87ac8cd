import { loadConfig } from '@sluice/config';
import type { GatewayInput } from '@sluice/policy';
import { Registry } from '@sluice/telemetry';
import { startTokenIssuer, testAudience, type TokenIssuer } from '@sluice/testing';
import { edgeConfig } from '../../config.ts';
import { TestDocuments } from '../../testing/documents.ts';
import type { CredentialMethod } from '../authenticator.ts';
import { jwtMethod } from '../jwt/jwt-method.ts';
import { bearer, outcome } from './credentials.ts';

export type IssuerInput = NonNullable<GatewayInput['issuers']>[string];

/** Unix time, seconds. */
export const seconds = (): number => Math.floor(Date.now() / 1_000);

/** What a document says about an issuer that signs with ES256. */
export const rulesOf = (of: TokenIssuer, more: Partial<IssuerInput> = {}): IssuerInput => ({
  issuer: of.issuer,
  audience: [testAudience],
  jwks: { url: of.jwksUrl },
  algorithms: ['ES256'],
  ...more,
});

/** Issuers and methods that judge their tokens, until `close`. */
export function jwtKit() {
  const open: (() => unknown)[] = [];
  const issuer = async (name?: string): Promise<TokenIssuer> => {
    const made = await startTokenIssuer(name);
    open.push(() => made[Symbol.asyncDispose]());
    return made;
  };
  const method = async (
    document: GatewayInput,
    settings: { tokenCache?: number; tokenCacheBytes?: number } = {},
  ) => {
    const documents = new TestDocuments(document);
    const reports: string[] = [];
    let changes = 0;
    const made: CredentialMethod = await jwtMethod({
      bus: null as never,
      document: documents,
      consumers: { get: () => null, find: () => null },
      settings: { ...loadConfig(edgeConfig, {}), ...settings },
      registry: new Registry(),
      changed: () => (changes += 1),
      report: (detail) => reports.push(detail),
    });
    open.push(() => made.stop?.());
    const judge = (token: string) => outcome(() => made.verify(bearer(token)));
    const cached = (token: string): boolean => !(made.verify(bearer(token)) instanceof Promise);
    return { made, documents, reports, judge, cached, changes: () => changes };
  };
  const close = async (): Promise<void> => {
    for (const end of open.splice(0).reverse()) await end();
  };
  return { issuer, method, close };
}
