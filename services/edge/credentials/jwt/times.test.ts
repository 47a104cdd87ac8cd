import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '@sluice/config';
import { Registry } from '@sluice/telemetry';
import { signToken, startTokenIssuer, testAudience, type TokenIssuer } from '@sluice/testing';
import type { Caller } from '../../caller.ts';
import { edgeConfig } from '../../config.ts';
import { TestDocuments } from '../../testing/documents.ts';
import type { CredentialMethod } from '../authenticator.ts';
import { bearer, invalidToken, outcome } from '../testing/credentials.ts';
import { jwtMethod } from './jwt-method.ts';

let idp: TokenIssuer;
let made: CredentialMethod;
beforeAll(async () => {
  idp = await startTokenIssuer();
  made = await jwtMethod({
    bus: null as never,
    document: new TestDocuments({
      issuers: { idp: { issuer: idp.issuer, audience: [testAudience], jwks: { url: idp.jwksUrl } } },
    }),
    consumers: { get: () => null, find: () => null },
    settings: loadConfig(edgeConfig, {}),
    registry: new Registry(),
    changed: () => {},
    report: () => {},
  });
});
afterAll(async () => {
  await made.stop?.();
  await idp[Symbol.asyncDispose]();
});

const now = Math.floor(Date.now() / 1_000);
const names = ['exp', 'nbf', 'iat'] as const;

/** ES2026; the compiler's library does not have it yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(this: void, text: string): unknown };

/** A token whose times are written as given: JSON has numbers that no program's own writer makes. */
function token(times: Partial<Record<(typeof names)[number], string>>): string {
  const claims: Record<string, unknown> = { iss: idp.issuer, aud: testAudience, sub: 'user-1' };
  const given = { nbf: String(now), iat: String(now), exp: String(now + 600), ...times };
  for (const [name, text] of Object.entries(given))
    claims[name] = /^[[{]/.test(text) ? JSON.parse(text) : rawJson(text);
  return signToken(idp.signing, {}, claims);
}
const judge = (times: Parameters<typeof token>[0]) => outcome(() => made.verify(bearer(token(times))));
const accepted = { method: 'jwt' };

describe('a time in a token that is no time', () => {
  it.each(
    names.flatMap((name) =>
      [
        // Past what a double holds: it is read as infinity.
        '1e400',
        '-1e400',
        `"${now}"`,
        '"1e400"',
        '"NaN"',
        '"soon"',
        '""',
        'null',
        'true',
        `[${now}]`,
        `{"value":${now}}`,
        // Beyond the year 9999.
        '253402300800',
        '1e300',
        '9007199254740993',
        '-1',
        '-1e300',
      ].map((text): [string, string] => [name, text]),
    ),
  )('%s: %s makes the token a bad one', async (name, text) => {
    expect(await judge({ [name]: text })).toEqual(invalidToken);
  });

  it('is never a fault of ours, whatever JSON stands there', async () => {
    const text = fc.oneof(
      fc.json({ maxDepth: 1 }),
      fc.double().map((value) => JSON.stringify(value)),
      fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), text, async (name, value) => {
        const result = await judge({ [name]: value });
        if ('method' in (result as object)) {
          const { expiresAt, issuedAt } = result as Caller;
          expect(new Date(expiresAt as number).getTime()).toBeGreaterThan(Date.now());
          expect(new Date(issuedAt as number).getTime()).toBeLessThan(Date.now() + 60_000);
        } else expect(result).toEqual(invalidToken);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a time in a token', () => {
  it('may have a fraction (RFC 7519 section 2), be written in any way, and reach far', async () => {
    expect(await judge({ exp: `${now + 600}.25`, nbf: `${now}.5`, iat: `${now}.75` })).toMatchObject({
      ...accepted,
      issuedAt: now * 1_000 + 750,
      expiresAt: (now + 660) * 1_000 + 250,
    });
    expect(await judge({ exp: `${(now + 600) / 10}e1`, nbf: '0', iat: '0' })).toMatchObject({
      ...accepted,
      issuedAt: 0,
    });
    // The year 9999.
    expect(await judge({ exp: '253402300799' })).toMatchObject(accepted);
  });

  it('`iat` may be missing, the other two may not', async () => {
    const without = (name: string) => outcome(() => made.verify(bearer(idp.token({ [name]: undefined }))));
    expect(await without('iat')).toMatchObject({ ...accepted, issuedAt: null });
    for (const name of ['exp', 'nbf']) expect(await without(name)).toEqual(invalidToken);
  });
});
