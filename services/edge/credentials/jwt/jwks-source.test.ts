import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeSigningKey, startTokenIssuer, until, type TokenIssuer } from '@sluice/testing';
import { jwksAt, jwksIn } from './jwks-source.ts';
import { KeySet } from './key-set.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function server(): Promise<TokenIssuer> {
  const made = await startTokenIssuer();
  open.push(() => made[Symbol.asyncDispose]());
  return made;
}

describe('a key set at an address', () => {
  it('is read, also through redirects of the same server', async () => {
    const idp = await server();
    const text = JSON.stringify({ keys: idp.published });
    expect(await jwksAt(idp.jwksUrl).read()).toBe(text);
    idp.answer = (request, response) => {
      if (request.url === '/moved') return response.end(text);
      return response.writeHead(302, { location: '/moved' }).end();
    };
    expect(await jwksAt(idp.jwksUrl).read()).toBe(text);
  });

  it('is not taken from anywhere else', async () => {
    const [idp, other] = [await server(), await server()];
    idp.answer = (_request, response) => response.writeHead(302, { location: other.jwksUrl }).end();
    await expect(jwksAt(idp.jwksUrl).read()).rejects.toThrow(/points to/);
    expect(other.requests).toBe(0);
    idp.answer = (_request, response) => response.writeHead(302, { location: idp.jwksUrl }).end();
    await expect(jwksAt(idp.jwksUrl).read()).rejects.toThrow(/redirects more than 3 times/);
  });

  it('has a largest size, a longest time, and one status', async () => {
    const idp = await server();
    idp.answer = (_request, response) => response.end('x'.repeat(300_000));
    await expect(jwksAt(idp.jwksUrl).read()).rejects.toThrow(/larger than/);
    idp.answer = (_request, response) => response.writeHead(500).end('{"keys":[]}');
    await expect(jwksAt(idp.jwksUrl).read()).rejects.toThrow(/answered 500/);
    idp.answer = (_request, response) => response.write('{');
    await expect(jwksAt(idp.jwksUrl, { timeoutMs: 100 }).read()).rejects.toThrow(/timeout/i);
  });
});

describe('the background', () => {
  function keySet(idp: TokenIssuer, refreshMs: number) {
    const reports: string[] = [];
    const set = new KeySet({
      source: jwksAt(idp.jwksUrl),
      refreshMs,
      cooldownMs: 60_000,
      changed: () => reports.push('changed'),
      report: (detail) => reports.push(detail),
    });
    open.push(() => set.stop());
    return { set, reports, ids: () => set.keys.map(({ id }) => id) };
  }

  it('reads the set again and again, and finds a new key before anybody asks for it', async () => {
    const idp = await server();
    const { set, ids, reports } = keySet(idp, 50);
    await set.settled();
    const before = set.keys;
    await until(() => idp.requests >= 3);
    expect(set.keys).toBe(before);
    idp.rotate();
    await until(() => ids().length === 2);
    expect(reports).toEqual(['changed', 'changed']);
  });

  it('keeps the last good set whatever the server says, tells of it once, and takes the next good one', async () => {
    const idp = await server();
    const { set, ids, reports } = keySet(idp, 30);
    await set.settled();
    const before = ids();
    const bodies = ['', '<html>', '{"keys":[]}', JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA' }] }), null];
    for (const body of bodies) {
      idp.answer = (_request, response) => (body === null ? response.destroy() : response.end(body));
      const seen = idp.requests;
      await until(() => idp.requests > seen + 1);
      expect(ids()).toEqual(before);
    }
    expect(reports.filter((line) => line.includes('last good one'))).toHaveLength(1);
    const key = idp.rotate({ keepOld: false });
    idp.answer = null;
    await until(() => ids()[0] === key.id);
  });
});

describe('a key set in a file', () => {
  it('is read again when the file changes, also by a link that is swapped as Kubernetes does', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'sluice-jwks-'));
    open.push(() => rm(folder, { recursive: true }));
    const write = (name: string, id: string) =>
      writeFile(path.join(folder, name), JSON.stringify({ keys: [makeSigningKey(id).jwk] }));
    const file = path.join(folder, 'jwks.json');
    await write('first', 'one');
    await symlink('first', file);
    const reports: string[] = [];
    const set = new KeySet({
      source: jwksIn(file),
      refreshMs: null,
      cooldownMs: 60_000,
      changed: () => {},
      report: (detail) => reports.push(detail),
    });
    open.push(() => set.stop());
    const holds = (id: string) => until(() => set.keys[0]?.id === id);
    await holds('one');
    await write('first', 'two');
    await holds('two');
    await write('second', 'three');
    await symlink('second', `${file}.new`);
    await rename(`${file}.new`, file);
    await holds('three');
    await writeFile(path.join(folder, 'second'), '{');
    await until(() => reports.length > 0);
    expect(set.keys[0]?.id).toBe('three');
  });
});
