import { describe, expect, it } from 'vitest';
import { pairs } from '../testing/test-edge.ts';
import { readFields } from './request-fields.ts';

const names = (raw: string[]): string[] => pairs(readFields(raw).endToEnd).map(([name]) => name);

describe('end-to-end fields', () => {
  it('are lower case, in order, repeated ones kept apart, with the request id at the end', () => {
    expect(
      readFields(['Host', 'a', 'X-B', '2', 'X-A', '1', 'x-b', '3', 'X-Request-Id', 'r1']).endToEnd,
    ).toEqual(['host', 'a', 'x-b', '2', 'x-a', '1', 'x-b', '3', 'x-request-id', 'r1']);
  });

  it('leave out what belongs to the connection', () => {
    const hop = [
      'Connection',
      'Keep-Alive',
      'Proxy-Connection',
      'Proxy-Authorization',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Upgrade',
      'Expect',
    ];
    expect(names(['Host', 'a', ...hop.flatMap((name) => [name, 'x']), 'Accept', '*/*'])).toEqual([
      'host',
      'accept',
      'x-request-id',
    ]);
  });

  it('leave out what names an address: backends are told the one that was found out', () => {
    const said = ['X-Forwarded-For', '1.1.1.1', 'Forwarded', 'for=1.1.1.1', 'X-Real-IP', '1.1.1.1'];
    expect(names(['Host', 'a', ...said])).toEqual(['host', 'x-request-id']);
  });

  it('leave out what only the gateway may say', () => {
    const said = ['Sluice-Subject', 'root', 'SLUICE-Consumer', 'acme', 'X-Sluice', 'fine'];
    expect(names(['Host', 'a', ...said])).toEqual(['host', 'x-sluice', 'x-request-id']);
  });

  it('leave out what Connection names, but nothing that the gateway depends on', () => {
    const raw = [
      'Host',
      'a',
      'X-Mine',
      '1',
      'Authorization',
      'b',
      'Connection',
      'close, X-Mine , authorization, host',
    ];
    expect(names(raw)).toEqual(['host', 'authorization', 'x-request-id']);
  });
});

describe('what the gateway needs', () => {
  it('is found whatever the case of the name', () => {
    expect(
      readFields([
        'HOST',
        'a',
        'host',
        'b',
        'CONTENT-LENGTH',
        '17',
        'Transfer-encoding',
        'chunked',
        'EXPECT',
        '100-continue',
        'X-Forwarded-For',
        '1.1.1.1',
        'x-forwarded-for',
        '2.2.2.2',
        'Traceparent',
        't',
      ]),
    ).toMatchObject({
      hosts: 2,
      host: 'a',
      contentLength: 17,
      transferEncoding: 'chunked',
      expect: '100-continue',
      forwardedFor: '1.1.1.1,2.2.2.2',
      traceparent: 't',
    });
    expect(
      readFields(['Forwarded', 'for=a', 'forwarded', 'for=b', 'ORIGIN', 'https://a.example']),
    ).toMatchObject({ forwarded: 'for=a,for=b', origin: 'https://a.example', preflightMethod: null });
    // Two origins are none that a list could hold.
    expect(readFields(['Origin', 'https://a.example', 'Origin', 'https://b.example']).origin).toBe('');
  });

  it('counts the bytes of the section', () => {
    expect(readFields(['Host', 'abc', 'X', '']).size).toBe('Host: abc\r\nX: \r\n'.length);
  });

  it('takes no trace context from a repeated field', () => {
    expect(readFields(['traceparent', 'a', 'traceparent', 'b']).traceparent).toBeUndefined();
  });

  it('finds credentials, joins cookies, and says when two could be meant', () => {
    const raw = ['Cookie', 'a=1', 'X-Api-Key', 'k', 'AUTHORIZATION', 'Bearer t', 'cookie', 'b=2'];
    const found = { authorization: 'Bearer t', apiKey: 'k', cookie: 'a=1; b=2', ambiguous: false };
    expect(readFields(raw)).toMatchObject(found);
    for (const name of ['authorization', 'x-api-key'])
      expect(readFields([...raw, name, 'k']).ambiguous, name).toBe(true);
  });

  it('takes no word of a browser that was said twice', () => {
    const twice = ['Sec-Fetch-Site', 'same-origin', 'Origin', 'https://a'];
    expect(readFields(twice)).toMatchObject({ secFetchSite: 'same-origin', origin: 'https://a' });
    expect(readFields([...twice, ...twice])).toMatchObject({ secFetchSite: '', origin: '' });
  });

  it('says so when there is nothing', () => {
    expect(readFields([])).toMatchObject({
      hosts: 0,
      contentLength: -1,
      transferEncoding: null,
      expect: null,
    });
  });
});
