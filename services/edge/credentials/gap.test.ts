import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startNatsServer, startProxy, startTokenIssuer, testAudience, until } from '@sluice/testing';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Caller } from '../caller.ts';
import { Logins, Sessions } from '../oauth/mod.ts';
import type { ConfiguredLogin } from '../oauth/session/login.ts';
import { craftedSession } from '../oauth/testing/crafted.ts';
import type { Credentials, Ending } from './authenticator.ts';
import { bearer, outcome, sent } from './testing/credentials.ts';
import { startCredentialKit } from './testing/kit.ts';

const patient = { timeoutMs: 30_000 };
process.env['TEST_GAP_SECRET'] = 'a'.repeat(64);
const secret = { env: 'TEST_GAP_SECRET' };

/** Says of every token that it is active; the token itself is the consumer that it names. */
const provider = createServer((request, response) => {
  void text(request).then((body) => {
    const token = new URLSearchParams(body).get('token');
    response.end(JSON.stringify({ active: true, sub: 'user', azp: token, jti: `id-of-${token}` }));
  });
});
await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
const idp = await startTokenIssuer();
const consumer_claim = 'azp';
const document = {
  issuers: {
    jwt: { issuer: idp.issuer, audience: [testAudience], jwks: { url: idp.jwksUrl }, consumer_claim },
  },
  introspection: { oauth: { url, client_id: 'us', client_secret: secret, cache: '10m', consumer_claim } },
  logins: {
    session: {
      issuer: url,
      client_id: 'us',
      public_url: 'http://localhost',
      cookie_key: secret,
      consumer_claim,
    },
  },
};

const nats = await startNatsServer();
const admin = await startCredentialKit(nats);
const way = await startProxy(nats.url);
let logins: Logins;
let sessions: Sessions;
/** The edge whose way to NATS is cut. */
const edge = await startCredentialKit(
  { url: `nats://127.0.0.1:${way.port}` },
  {
    document,
    methods: (bus, documents) => {
      logins = new Logins(documents);
      sessions = new Sessions({ bus, replicas: 1, document: documents, logins, most: 10, report: () => {} });
      return [sessions];
    },
  },
);
afterAll(async () => {
  await edge.stop();
  await way[Symbol.asyncDispose]();
  await admin.stop();
  await nats.stop();
  await idp[Symbol.asyncDispose]();
  provider.close();
});

const tokens = ['jwt', 'oauth', 'session'] as const;
type Kind = (typeof tokens)[number];

interface Proof {
  readonly credentials: Credentials;
  readonly jti: string;
  /** KV key of the session. */
  readonly entry: string;
}

let count = 0;
async function consumer(more = {}): Promise<string> {
  const id = `c${(count += 1)}`;
  await admin.putConsumer(id, more);
  return id;
}

/** Something that proves a user of this consumer. */
async function proofOf(kind: Kind, azp: string): Promise<Proof> {
  if (kind === 'oauth') return { credentials: bearer(azp), jti: `id-of-${azp}`, entry: '' };
  const jti = `id-${azp}`;
  if (kind === 'jwt') return { credentials: bearer(idp.token({ azp, jti })), jti, entry: '' };
  const login = logins.get('session') as ConfiguredLogin;
  const { cookie, ticket } = await craftedSession(login, sessions.store, { sub: 'user', azp });
  return { credentials: sent({ cookie }), jti: ticket.id, entry: ticket.entry };
}

const ask = (credentials: Credentials) =>
  outcome(() => edge.authenticator.identify(credentials, ['key', ...tokens]));
const isRefused = async (credentials: Credentials): Promise<boolean> => {
  const answer = await ask(credentials);
  return answer !== null && 'code' in answer && answer.code === 'unauthorized';
};
async function accepted({ credentials }: Pick<Proof, 'credentials'>): Promise<Caller> {
  const answer = await ask(credentials);
  if (answer === null || !('method' in answer)) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer;
}

/** Nobody is connected any more: what is watched is looked up after a gap, for whoever asks as well. */
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function endingsOf(caller: Caller): Ending[] {
  const endings: Ending[] = [];
  stops.push(edge.authenticator.watch(caller, (why) => endings.push(why)));
  return endings;
}

/** Changes something that the edge cannot be told of. */
async function meanwhile(change: () => Promise<void>): Promise<void> {
  way.break();
  await until(() => !edge.bus.connected, patient);
  await change();
  way.mend();
}

// First, while the bucket holds no revocation: those are told again after a gap, and have everybody judged anew.
it.each(tokens)(
  'a caller by %s whose consumer was disabled in a gap is refused, though nobody is connected',
  async (kind) => {
    const id = await consumer();
    const proof = await proofOf(kind, id);
    await accepted(proof);
    await meanwhile(() => admin.putConsumer(id, { disabled: true }));
    await until(() => isRefused(proof.credentials), patient);
  },
);

describe.each(tokens)('after a gap a caller by %s', (kind) => {
  it('whose consumer was disabled is connected no more', async () => {
    const id = await consumer();
    const endings = endingsOf(await accepted(await proofOf(kind, id)));
    await meanwhile(() => admin.putConsumer(id, { disabled: true }));
    await until(() => endings.length > 0, patient);
    expect(endings).toEqual(['revoked']);
  });

  it('who was revoked is refused, and connected no more', async () => {
    const proof = await proofOf(kind, await consumer());
    const endings = endingsOf(await accepted(proof));
    await meanwhile(() => admin.revoke({ kind: 'jti', source: kind, id: proof.jti }));
    await until(() => endings.length > 0, patient);
    expect(endings).toEqual(['revoked']);
    expect(await isRefused(proof.credentials)).toBe(true);
  });

  it('about whom nothing has changed is good, and stays connected', async () => {
    const [id, probe] = [await consumer(), await consumer()];
    const [proof, other] = [await proofOf(kind, id), await proofOf('jwt', probe)];
    const endings = endingsOf(await accepted(proof));
    const others = endingsOf(await accepted(other));
    await meanwhile(() => admin.putConsumer(probe, { disabled: true }));
    await until(() => others.length > 0, patient);
    expect(await accepted(proof)).toMatchObject({ consumer: id });
    expect(endings).toEqual([]);
  });
});

it('a session that was ended in a gap is over, for calls and for what is connected', async () => {
  const proof = await proofOf('session', await consumer());
  const endings = endingsOf(await accepted(proof));
  await meanwhile(async () => {
    const other = new Sessions({
      bus: admin.bus,
      replicas: 1,
      document: edge.documents,
      logins,
      most: 1,
      report: () => {},
    });
    await other.store.end(proof.entry);
    other.store.stop();
  });
  await until(() => endings.length > 0, patient);
  expect(endings).toEqual(['revoked']);
  expect(await isRefused(proof.credentials)).toBe(true);
});

it('who is told of an end and fails disturbs nobody, whoever tells', async () => {
  const { reports } = edge;
  for (const kind of tokens) {
    const { credentials, jti, entry } = await proofOf(kind, await consumer());
    const caller = await accepted({ credentials });
    const before = reports.length;
    const fail = (): never => {
      throw new Error('on purpose');
    };
    stops.push(edge.authenticator.watch(caller, fail));
    if (kind === 'session') await sessions.store.end(entry);
    else await admin.revoke({ kind: 'jti', source: kind, id: jti });
    await until(() => reports.length > before, patient);
    expect(reports.slice(before)).toEqual(['a listener for the end of credentials failed']);
  }
});

it('who connects after a gap with what was checked before it is looked up again', async () => {
  const [ofToken, ofKey] = [await consumer(), await consumer()];
  const key = await admin.putKey({ consumer: ofKey });
  const callers = [
    await accepted(await proofOf('jwt', ofToken)),
    await accepted({ credentials: sent({ apiKey: key.text }) }),
  ];
  const probe = await consumer();
  const noticed = endingsOf(await accepted(await proofOf('jwt', probe)));
  await meanwhile(async () => {
    await admin.putConsumer(ofToken, { disabled: true });
    await admin.putKey({ key, consumer: ofKey, disabled: true });
    await admin.putConsumer(probe, { disabled: true });
  });
  await until(() => noticed.length > 0, patient);
  const endings = callers.map(endingsOf);
  await until(() => endings.every((each) => each.length > 0), patient);
  expect(endings).toEqual([['revoked'], ['revoked']]);
});

it('a disabled consumer is refused though its entry makes room for another as soon as it is found', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => consumer({ disabled: n < 19 })));
  await using small = await startCredentialKit(nats, { document, settings: { keyCache: 1 } });
  const answers = await Promise.all(
    ids.map((azp) => outcome(() => small.authenticator.identify(bearer(idp.token({ azp })), ['jwt']))),
  );
  expect(answers.map((answer) => answer !== null && 'code' in answer)).toEqual(ids.map((_, n) => n < 19));
});
