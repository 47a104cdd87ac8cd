import { describe, expect, it } from 'vitest';
import { consumerSchema, makeApiKey } from '@sluice/policy';
import type { Caller } from '../caller.ts';
import { TestDocuments } from '../testing/documents.ts';
import { pairs } from '../testing/test-edge.ts';
import { keyMethod } from '../credentials/key/key-method.ts';
import { sent } from '../credentials/testing/credentials.ts';
import { backendFields } from './backend-fields.ts';
import { readFields } from './request-fields.ts';

const documents = new TestDocuments();
const shown = backendFields({ documents });
const by = (method: Caller['method']): Caller => ({ method }) as Caller;
const fieldsFor = (raw: string[], caller: Caller | null) =>
  pairs(shown(readFields(raw, 'r'), caller)).filter(([name]) => name !== 'x-request-id');

const { id, hash, text } = makeApiKey();

/** Whether a field is taken as that key. */
function proves(raw: string[]): boolean {
  const digest = Buffer.from(hash, 'base64url');
  const entry = { id, consumer: 'acme', created: 1, expires: null, disabled: false, digest, memo: null };
  const store = {
    version: 1,
    keys: { peek: () => entry },
    find: () => consumerSchema.parse({ id: 'acme' }),
  } as never;
  const usage = { note: () => Infinity } as never;
  try {
    const caller = keyMethod({ store, usage, document: documents }).verify(sent(readFields(raw)));
    return !(caller instanceof Promise) && caller.key === id;
  } catch {
    return false;
  }
}

describe('what backends are shown', () => {
  it('is everything where no credential was sent, and nothing is copied', () => {
    const fields = readFields(['Host', 'a', 'Accept', '*/*', 'Cookie', 'theme=dark']);
    expect(shown(fields, null)).toBe(fields.endToEnd);
    expect(shown(fields, by('key'))).toBe(fields.endToEnd);
  });

  it('is not the credential that was used', () => {
    const raw = ['Authorization', 'Bearer a.b.c', 'X-API-Key', 'theirs', 'Accept', '*/*'];
    expect(fieldsFor(raw, by('jwt'))).toEqual([
      ['x-api-key', 'theirs'],
      ['accept', '*/*'],
    ]);
    expect(fieldsFor(['X-API-Key', text, 'Authorization', 'Basic YTpi'], by('key'))).toEqual([
      ['authorization', 'Basic YTpi'],
    ]);
  });

  it('is a token on a public route: a backend may check it itself', () => {
    const raw = ['Authorization', 'Bearer a.bslk_.c', 'X-API-Key', 'theirs'];
    expect(fieldsFor(raw, null)).toHaveLength(2);
  });

  it('is never an API key of the gateway, whatever the route', () => {
    for (const caller of [null, by('session'), by('jwt'), by('key')]) {
      expect(fieldsFor(['X-API-Key', text], caller)).toEqual([]);
      expect(fieldsFor(['Authorization', `Bearer ${text}`], caller)).toEqual([]);
      expect(fieldsFor(['Authorization', `bearer   ${text}`], caller)).toEqual([]);
    }
  });

  it('is no field that proved a caller, whatever white space stands around its key', () => {
    for (const around of ['', ' ', '\t', ' \t ', '\u00a0', '\ufeff', '\u2003', '\v', '\f', '\r'])
      for (const value of [`${around}${text}`, `${text}${around}`])
        for (const field of [
          ['Authorization', `Bearer ${value}`],
          ['X-API-Key', value],
        ]) {
          // RFC 9110 section 5.6.3 knows spaces and tabs.
          const isKey = /^[ \t]*$/.test(around);
          expect(proves(field), JSON.stringify(field)).toBe(isKey);
          if (isKey) for (const caller of [null, by('key')]) expect(fieldsFor(field, caller)).toEqual([]);
        }
  });

  it('is never a session cookie, but every other cookie', () => {
    documents.set({
      logins: {
        web: {
          issuer: 'https://idp.test',
          client_id: 'c',
          public_url: 'https://gw.test',
          cookie_key: { env: 'KEY' },
          cookie_name: 'sid',
        },
      },
    });
    const cookies = (value: string) => fieldsFor(['Cookie', value], null);
    expect(cookies('a=1; __Host-sid=secret; sid_login3=state; sidebar=2; b=sid')).toEqual([
      ['cookie', 'a=1; sidebar=2; b=sid'],
    ]);
    expect(cookies('sid=secret')).toEqual([]);
    expect(cookies('theme=dark')).toEqual([['cookie', 'theme=dark']]);
  });
});
