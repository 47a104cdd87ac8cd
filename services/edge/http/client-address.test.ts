import { ConfigError } from '@sluice/config';
import { describe, expect, it } from 'vitest';
import { addressOf } from '@sluice/addresses';
import { ClientAddress } from './client-address.ts';

const proxies = '10.0.0.0/8, 192.0.2.7, fd00::/8';
const said = { forwardedFor: null, forwarded: null, forwardedProto: null };

/** A connection as far as it matters here. */
function connection(rule: ClientAddress, peer: string, secure = false) {
  const address = addressOf(peer);
  return { peer: address, client: address, said: null, secure, trusted: rule.trusts(address) } as never;
}

/** The client of one request over a connection of its own. */
function client(rule: ClientAddress, peer: string, fields: Partial<typeof said> | object): string {
  return rule.of(connection(rule, peer), { ...said, ...fields }).text;
}

describe('the client of a request', () => {
  it('is the peer where no proxy is trusted', () => {
    const rule = new ClientAddress({ trustedProxies: '', forwardedField: 'x-forwarded-for' });
    expect(client(rule, '9.9.9.9', { forwardedFor: '1.1.1.1', forwarded: 'for=1.1.1.1' })).toBe('9.9.9.9');
  });

  const byList = new ClientAddress({ trustedProxies: proxies, forwardedField: 'x-forwarded-for' });
  it.each([
    ['9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['10.1.2.3', null, '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '6.6.6.6, 1.1.1.1, 10.9.9.9, 192.0.2.7', '1.1.1.1'],
    ['10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1, 010.0.0.1', '10.1.2.3'],
    // Some load balancers write the port too: without it, whoever comes through them would be the load balancer.
    ['10.1.2.3', '1.1.1.1,10.0.0.1:443', '1.1.1.1'],
    ['10.1.2.3', '6.6.6.6, 1.1.1.1:4711', '1.1.1.1'],
    ['10.1.2.3', '[2001:db8::0:1]:4711', '2001:db8::1'],
    ['10.1.2.3', '[2001:db8::1]', '2001:db8::1'],
    ['10.1.2.3', '1.1.1.1, 2001:db8::1:4711:http', '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1, 010.0.0.1:80', '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1, [fe80::1%eth0]:80', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['fd00::1', '2001:DB8::0:1', '2001:db8::1'],
    ['::ffff:10.1.2.3', '1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '::ffff:1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '8.8.8.8, ::ffff:10.0.0.1', '8.8.8.8'],
  ])('peer %s, X-Forwarded-For %j: %s', (peer, forwardedFor, expected) => {
    expect(client(byList, peer, { forwardedFor, forwarded: 'for=6.6.6.6' })).toBe(expected);
  });

  const byRfc = new ClientAddress({ trustedProxies: proxies, forwardedField: 'forwarded' });
  it.each([
    ['9.9.9.9', 'for=1.1.1.1', '9.9.9.9'],
    ['10.1.2.3', null, '10.1.2.3'],
    ['10.1.2.3', 'for=1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', 'For="1.1.1.1:47011";proto=http;by=203.0.113.43', '1.1.1.1'],
    ['10.1.2.3', 'proto=https; for=1.1.1.1 ;host="a,b;c"', '1.1.1.1'],
    ['10.1.2.3', 'for=1.1.1.1;;proto=https', '10.1.2.3'],
    ['10.1.2.3', 'for="[2001:db8::0:1]:4711"', '2001:db8::1'],
    ['10.1.2.3', 'for=[2001:db8::1]', '2001:db8::1'],
    ['10.1.2.3', 'for=6.6.6.6, for=1.1.1.1,for=10.9.9.9', '1.1.1.1'],
    ['10.1.2.3', 'for=1.1.1.1, for="_hidden"', '10.1.2.3'],
    ['10.1.2.3', 'for=1.1.1.1, for=unknown', '10.1.2.3'],
    ['10.1.2.3', 'for=unknown, for=1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', 'for=1.1.1.1;for=2.2.2.2', '10.1.2.3'],
    ['10.1.2.3', 'for=010.0.0.1', '10.1.2.3'],
    ['10.1.2.3', 'for=2001:db8::1', '10.1.2.3'],
    ['10.1.2.3', 'for="1.1.1.1\\"', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    // A client that opens a quoted string, so that what the proxy adds seems to stand inside of it.
    ['10.1.2.3', 'for="6.6.6.6, for=1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', 'for=6.6.6.6;x=", for=1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', 'for=6.6.6.6;x="a, for=1.1.1.1, for=10.0.0.9', '1.1.1.1'],
  ])('peer %s, Forwarded %j: %s', (peer, forwarded, expected) => {
    expect(client(byRfc, peer, { forwarded, forwardedFor: '6.6.6.6' })).toBe(expected);
  });

  it('changes with the field on a connection that a proxy keeps', () => {
    const kept = connection(byList, '10.0.0.1');
    const of = (forwardedFor: string | null) => byList.of(kept, { ...said, forwardedFor });
    const first = of('1.1.1.1');
    expect(of('1.1.1.1')).toBe(first);
    expect([of('2.2.2.2').text, of(null).text, of('1.1.1.1').text]).toEqual([
      '2.2.2.2',
      '10.0.0.1',
      '1.1.1.1',
    ]);
  });

  it('has come over TLS when its connection has, or when a trusted proxy says so', () => {
    const secure = (rule: ClientAddress, peer: string, fields: object) =>
      rule.secure(connection(rule, peer), { ...said, ...fields });
    expect(byList.secure(connection(byList, '9.9.9.9', true), said)).toBe(true);
    expect(secure(byList, '9.9.9.9', { forwardedProto: 'https' })).toBe(false);
    expect(secure(byList, '10.0.0.1', { forwardedProto: 'https' })).toBe(true);
    expect(secure(byList, '10.0.0.1', { forwardedProto: 'https, http' })).toBe(false);
    expect(secure(byList, '10.0.0.1', { forwarded: 'proto=https' })).toBe(false);
    expect(secure(byRfc, '10.0.0.1', { forwarded: 'for=1.1.1.1;proto=HTTPS' })).toBe(true);
    expect(secure(byRfc, '10.0.0.1', { forwarded: 'for=1.1.1.1', forwardedProto: 'https' })).toBe(false);
  });

  it.each([
    '10.0.0',
    '10.0.0.0/33',
    'proxy.example',
    '10.0.0.0/8;1.1.1.1',
    '1',
    '010.0.0.1',
    '::/129',
    'fe80::1%lo',
  ])('a list with %s ends the start', (entry) => {
    expect(() => new ClientAddress({ trustedProxies: entry, forwardedField: 'forwarded' })).toThrow(
      ConfigError,
    );
  });
});
