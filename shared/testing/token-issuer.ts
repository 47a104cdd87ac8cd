import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A key pair of an issuer, P-256. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  /** As it is published. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** An issuer of JSON Web Tokens with a real HTTP server for its key set. */
export interface TokenIssuer {
  /** The `iss` claim. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Requests for the key set so far. */
  readonly requests: number;
  /** What is published; tokens are signed with the last of `signing`. */
  published: readonly Readonly<Record<string, unknown>>[];
  readonly signing: SigningKey;
  /** Makes a key that signs from now on, and publishes it with or without those before. Gives it. */
  rotate(options?: { keepOld?: boolean; publish?: boolean }): SigningKey;
  /** Answers in place of the key set; null: the key set again. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** A token with claims that any edge takes, but for what is given; a claim that is undefined is left out. */
  token(
    claims?: Record<string, unknown>,
    options?: { key?: SigningKey; header?: Record<string, unknown> },
  ): string;
  /** Nobody answers at the address until it is `true` again. */
  listen(up: boolean): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const testAudience = 'https://gateway.test';

export function makeSigningKey(id: string): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: id, use: 'sig', alg: 'ES256' };
  return { id, privateKey, jwk };
}

/** A token in compact form, signed with ES256 (RFC 7515 section 3.1). */
export function signToken(key: SigningKey, header: Record<string, unknown>, claims: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', kid: key.id, ...header })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

export async function startTokenIssuer(name = 'issuer'): Promise<TokenIssuer> {
  let keys = [makeSigningKey(`${name}-1`)];
  let requests = 0;
  let count = 1;
  const server = createServer((request, response) => {
    requests += 1;
    if (self.answer) return self.answer(request, response);
    response.setHeader('content-type', 'application/jwk-set+json');
    response.end(JSON.stringify({ keys: self.published }));
  });
  const listening = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve());
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listening(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const self: TokenIssuer = {
    issuer: `https://${name}.test`,
    jwksUrl: `${url}/jwks.json`,
    get requests() {
      return requests;
    },
    published: keys.map(({ jwk }) => jwk),
    get signing() {
      return keys.at(-1) as SigningKey;
    },
    rotate({ keepOld = true, publish = true } = {}) {
      const key = makeSigningKey(`${name}-${(count += 1)}`);
      keys = keepOld ? [...keys, key] : [key];
      if (publish) self.published = keys.map(({ jwk }) => jwk);
      return key;
    },
    answer: null,
    token(claims = {}, { key = self.signing, header = {} } = {}) {
      const now = Math.floor(Date.now() / 1_000);
      const plain = {
        iss: self.issuer,
        aud: testAudience,
        sub: 'user-1',
        iat: now,
        nbf: now,
        exp: now + 600,
      };
      return signToken(key, header, { ...plain, ...claims });
    },
    async listen(up) {
      if (up !== server.listening) await (up ? listening(port) : close());
    },
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await close();
    },
  };
  return self;
}
