import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import { revocationKey, revocationsBucket } from '@sluice/policy';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import type { Caller } from '../caller.ts';
import { Revocations } from './revocations.ts';

const patient = { timeoutMs: 30_000 };
const caller = (tokenId: string | null, subject = 's'): Caller => ({
  identity: { subject, kind: 'jwt', roles: [], scopes: [], tenant: null },
  method: 'jwt',
  consumer: null,
  key: null,
  source: 'idp',
  tokenId,
  issuedAt: 1_000,
  expiresAt: null,
  claims: {},
});
const key = (id: string) => revocationKey({ kind: 'jti', source: 'idp', id });
const entry = JSON.stringify({ at: 5_000, until: null, reason: '' });

describe('revocations', () => {
  let nats: TestNats;
  let bus: Bus;
  let bucket: Bucket;
  const reports: string[] = [];
  const open = (most: number) =>
    Revocations.open({ bus, replicas: 1, report: (detail) => reports.push(detail), changed: () => {}, most });

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await connectBus({ servers: [nats.url], name: 'test' });
    bucket = await openBucket(bus, { name: revocationsBucket, perKeyTtl: true });
  });
  afterAll(async () => {
    await bus.close();
    await nats.stop();
  });

  it('are known before anything is judged, and can be taken back', async () => {
    await bucket.put(key('early'), entry);
    const revocations = await open(100);
    expect(revocations.revoked(caller('early'))).toBe(true);
    expect(revocations.revoked(caller('other'))).toBe(false);
    await bucket.delete(key('early'));
    await until(() => !revocations.revoked(caller('early')), patient);
    await bucket.create(key('short'), entry, { ttlMs: 1_000 });
    await until(() => revocations.revoked(caller('short')), patient);
    await until(() => !revocations.revoked(caller('short')), patient);
    expect(revocations.size).toBe(0);
    revocations.stop();
  });

  it('count from now on where they cannot be read: somebody meant them', async () => {
    const revocations = await open(100);
    await bucket.put(key('odd'), '{');
    await bucket.put(revocationKey({ kind: 'subject', source: 'idp', id: 'ann' }), '[]');
    await until(() => revocations.size === 2, patient);
    expect(revocations.revoked(caller('odd'))).toBe(true);
    expect(revocations.revoked(caller(null, 'ann'))).toBe(true);
    expect(revocations.revoked({ ...caller(null, 'ann'), issuedAt: Date.now() + 60_000 })).toBe(false);
    expect(reports.some((line) => line.includes('cannot be read'))).toBe(true);
    revocations.stop();
  });

  it('are bounded: the oldest go, and operators are told once', async () => {
    const revocations = await open(5);
    for (let n = 0; n < 10; n++) await bucket.put(key(`t${n}`), entry);
    await until(() => revocations.revoked(caller('t9')), patient);
    expect(revocations.size).toBe(5);
    expect(revocations.revoked(caller('t0'))).toBe(false);
    expect(reports.filter((line) => line.includes('too many'))).toHaveLength(1);
    revocations.stop();
  });
});
