import { describe, expect, it } from 'vitest';
import type { Caller } from '../caller.ts';
import { keyText, networkOf, type LimitSubject } from './key-text.ts';

const acme = {
  identity: { subject: 'anna', kind: 'jwt', roles: [], scopes: [], tenant: 'north' },
  method: 'jwt',
  consumer: 'acme',
  key: null,
  source: 'idp',
  claims: { org: { id: 7 }, 'plain name': 'x', long: 'y'.repeat(500) },
} as unknown as Caller;

function subject(more: Partial<LimitSubject> = {}, headers: readonly string[] = []): LimitSubject {
  return {
    client: '192.0.2.7',
    caller: null,
    route: { id: 'orders.get' } as never,
    fields: { endToEnd: headers } as never,
    ...more,
  };
}

describe('what a call is counted under', () => {
  it.each([
    [['address'], 'a192.0.2.7'],
    [['network'], 'n192.0.2.7'],
    [['consumer'], 'cacme'],
    [['subject'], 'sidp/=anna'],
    [['tenant'], 't=north'],
    [['route'], 'rorders.get'],
    [['claim:org.id'], 'j=7'],
    [['claim:absent'], 'j'],
    [['header:X-Team'], 'h=blue'],
    [['header:x-absent'], 'h='],
    [['consumer', 'route'], '5:cacme11:rorders.get'],
  ])('by %j', (parts, expected) => {
    expect(keyText(parts)(subject({ caller: acme }, ['x-team', 'blue']))).toBe(expected);
  });

  it.each(['consumer', 'key', 'subject', 'tenant'])('by %s is by address for who has none', (part) => {
    expect(keyText([part])(subject())).toBe('a192.0.2.7');
  });

  it('has a bounded length, whatever clients send', () => {
    const long = (part: string) => keyText([part])(subject({ caller: acme }, ['x-team', 'z'.repeat(10_000)]));
    expect(long('header:x-team').length).toBeLessThan(70);
    expect(long('claim:long').length).toBeLessThan(70);
    expect(keyText(['header:x-team'])(subject({}, ['x-team', 'z'.repeat(9_999)]))).not.toBe(
      long('header:x-team'),
    );
  });

  it('cannot be made to look like another’s', () => {
    const text = keyText(['header:x-a', 'header:x-b']);
    const of = (a: string, b: string) => text(subject({}, ['x-a', a, 'x-b', b]));
    expect(of('1', '23')).not.toBe(of('12', '3'));
    expect(of('1', '3:h=2')).not.toBe(of('13:h=2', ''));
    // A text that looks like a hash is not one.
    const single = keyText(['header:x-a']);
    const hashed = single(subject({}, ['x-a', 'q'.repeat(80)]));
    expect(single(subject({}, ['x-a', hashed.slice(2)]))).not.toBe(hashed);
    expect(keyText(['consumer'])(subject({ caller: { ...acme, consumer: '192' } }))).not.toBe(
      keyText(['address'])(subject({ client: '192' })),
    );
  });
});

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:0001:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1::192.0.2.7', '2001:db8:1:0'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
