import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, parseAddress } from './address.ts';
import { RangeBuilder } from './ranges.ts';

function rangesOf(...entries: string[]) {
  const builder = new RangeBuilder();
  for (const [i, entry] of entries.entries()) {
    if (!builder.add(entry)) throw new Error(`${entry} was refused`);
    if (i % 3 === 0) builder.settle();
  }
  return builder.build();
}

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', 0xc0000201],
    ['0.0.0.0', '0.0.0.0', 0],
    ['255.255.255.255', '255.255.255.255', 0xffffffff],
    ['::ffff:192.0.2.1', '192.0.2.1', 0xc0000201],
    ['::FFFF:c000:0201', '192.0.2.1', 0xc0000201],
    ['2001:DB8:0:0::1', '2001:db8::1', -1],
    ['::', '::', -1],
    ['::192.0.2.1', '::c000:201', -1],
  ])('%s is %s', (text, canonical, v4) => {
    expect(parseAddress(text)).toMatchObject({ text: canonical, v4 });
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '0x1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4:80',
    '[::1]',
    ':::',
    '1::2::3',
    'g::',
    '::ffff:1.2.3.256',
    'localhost',
    '127.1',
    '2130706433',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeNull();
    expect(rangesOf('0.0.0.0/0', '::/0').has(addressOf(text))).toBe(false);
  });
});

describe('a set of ranges', () => {
  it.each([
    [
      '192.0.2.0/24',
      ['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.7'],
      ['192.0.1.255', '192.0.3.0', '2001:db8::'],
    ],
    ['192.0.2.77/24', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0']],
    ['192.0.2.1', ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.1.1.1'], ['::1', '::101:101']],
    ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255']],
    [
      '2001:db8::/32',
      ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
      ['2001:db7::', '2001:db9::', '1.1.1.1'],
    ],
    ['2001:db8::/33', ['2001:db8:7fff:ffff:ffff:ffff:ffff:ffff'], ['2001:db8:8000::']],
    ['2001:db8::1', ['2001:db8::1'], ['2001:db8::', '2001:db8::2']],
    ['::/0', ['::', '::1', 'ffff::'], ['1.1.1.1', '::ffff:1.1.1.1']],
    ['::ffff:192.0.2.0/120', ['192.0.2.9', '::ffff:192.0.2.9'], ['192.0.3.0', '::c000:209']],
    ['::ffff:0:0/96', ['1.1.1.1', '255.255.255.255'], ['::1']],
  ])('of %s', (block, inside, outside) => {
    const ranges = rangesOf(block);
    for (const text of inside) expect([text, ranges.has(addressOf(text))]).toEqual([text, true]);
    for (const text of outside) expect([text, ranges.has(addressOf(text))]).toEqual([text, false]);
  });

  it.each([
    '',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/08',
    '1.2.3.4/-1',
    '::/129',
    '::1%lo',
    '/8',
    'a/8',
    '1.2.3.4/8/8',
  ])('does not take %j', (entry) => expect(new RangeBuilder().add(entry)).toBe(false));

  it('merges what overlaps or touches', () => {
    expect(rangesOf('10.0.0.0/9', '10.128.0.0/9', '10.1.2.3', '10.0.0.0/8').size).toBe(1);
    expect(rangesOf('10.0.0.0', '10.0.0.2').size).toBe(2);
    expect(rangesOf('2001:db8::/32', '2001:db8:1::/48', '2001:db8::/32').size).toBe(1);
    expect(rangesOf().has(addressOf('1.1.1.1'))).toBe(false);
  });

  it('says of every address what looking at every block says', () => {
    // Few bits that differ, so that blocks meet, touch and hold each other.
    const low = fc.integer({ min: 0, max: 63 });
    const v4 = fc.record({ host: low, bits: fc.integer({ min: 24, max: 32 }) });
    const v6 = fc.record({
      high: fc.integer({ min: 0, max: 3 }),
      host: low,
      bits: fc.integer({ min: 56, max: 128 }),
    });
    const text4 = (host: number) => `192.0.2.${host * 4}`;
    const text6 = (high: number, host: number) =>
      `2001:db8:0:${high.toString(16)}00::${(host * 1024).toString(16)}`;
    const prefix = (text: string, bits: number): string => {
      const address = addressOf(text);
      const value = address.v6 ? address.v6.map((word) => word.toString(2).padStart(32, '0')).join('') : '';
      return (value || address.v4.toString(2).padStart(32, '0')).slice(0, bits);
    };
    fc.assert(
      fc.property(
        fc.array(v4, { maxLength: 20 }),
        fc.array(v6, { maxLength: 20 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), low), { minLength: 1, maxLength: 20 }),
        (blocks4, blocks6, asked) => {
          const ranges = rangesOf(
            ...blocks4.map(({ host, bits }) => `${text4(host)}/${bits}`),
            ...blocks6.map(({ high, host, bits }) => `${text6(high, host)}/${bits}`),
          );
          for (const [high, host] of asked) {
            const [four, six] = [text4(host), text6(high, host)];
            expect(ranges.has(addressOf(four))).toBe(
              blocks4.some((block) => prefix(text4(block.host), block.bits) === prefix(four, block.bits)),
            );
            expect(ranges.has(addressOf(six))).toBe(
              blocks6.some(
                (block) => prefix(text6(block.high, block.host), block.bits) === prefix(six, block.bits),
              ),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
