import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@sluice/testing';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import type { Ending } from '../../credentials/authenticator.ts';
import { bearer, invalidToken, outcome } from '../../credentials/testing/credentials.ts';
import { TestDocuments } from '../../testing/documents.ts';
import { IntrospectionMethod } from './method.ts';

process.env['TEST_ABSURD_SECRET'] = 'secret';
/** The members of an answer beside `active` and `sub`, as JSON. */
let more = '';
const server = createServer((_, response) => void response.end(`{"active":true,"sub":"ada"${more}}`));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => server.close());

let reports: string[];
let method: IntrospectionMethod;
beforeEach(() => {
  [more, reports] = ['', []];
  const main = { url, client_id: 'us', client_secret: { env: 'TEST_ABSURD_SECRET' }, cache: '1s' };
  method = new IntrospectionMethod({
    document: new TestDocuments({ introspection: { main } }),
    settings: { keyCache: 10, tokenCache: 100, tokenCacheBytes: 1_000_000 },
    report: (detail) => reports.push(detail),
  });
});
afterEach(() => method.stop());

/** A member of so many levels. */
const nested = (levels: number): string => `,"deep":${'['.repeat(levels)}1${']'.repeat(levels)}`;
const verify = async () => method.verify(bearer('token'));

it.each([33, 3_000, 30_000])('an answer of %d levels proves nobody', async (levels) => {
  more = nested(levels);
  expect(await outcome(verify)).toEqual(invalidToken);
  expect(reports).toEqual(['introspection main names nobody for an active token']);
});

it('an answer of some levels is as good as another', async () => {
  more = nested(30);
  expect(await verify()).toMatchObject({ identity: { subject: 'ada' } });
});

it('an answer that becomes too deep ends what is connected, and nothing else', async () => {
  const endings: Ending[] = [];
  method.watch(
    await verify(),
    (why) => endings.push(why),
    () => {},
  );
  more = nested(3_000);
  await until(() => endings.length > 0);
  expect(endings).toEqual(['revoked']);
});

it('whoever is told and fails disturbs nobody: it is reported, and the token is asked about again', async () => {
  let told = 0;
  const stop = method.watch(
    await verify(),
    () => {},
    () => {
      told += 1;
      throw new Error('on purpose');
    },
  );
  for (const name of ['one', 'two']) {
    const before = told;
    more = `,"name":"${name}"`;
    await until(() => told > before);
  }
  expect(reports).toEqual(['a token of main on a live connection could not be looked at']);
  stop();
});
