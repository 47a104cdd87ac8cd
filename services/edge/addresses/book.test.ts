import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addressOf, openCountries } from '@sluice/addresses';
import { until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AddressBook, type AddressDocument } from './book.ts';

let reports: string[];
let folder: string;
beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'sluice-addresses-'))));
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => (reports = []));

const report = (detail: string, error?: unknown) =>
  void reports.push(`${detail} ${error instanceof Error ? error.message : ''}`);
const open = () => new AddressBook({ report });

type Rules = Partial<AddressDocument['addresses']>;
const document = (addresses: Rules): AddressDocument => ({
  addresses: { lists: {}, deny: [], ...addresses },
});

async function bookOf(addresses: Rules): Promise<AddressBook> {
  const book = open();
  await book.apply(document(addresses));
  return book;
}

describe('rules', () => {
  it('let nobody in before there are any, and everybody when they say nothing', async () => {
    const book = open();
    expect([book.ready, book.addressAllowed('192.0.2.1')]).toEqual([false, false]);
    await book.apply(document({}));
    expect([book.ready, book.addressAllowed('192.0.2.1'), book.addressAllowed('')]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('deny what they name, also where it is allowed', async () => {
    const book = await bookOf({
      lists: { bad: ['192.0.2.0/25', '2001:db8::/32'] },
      allow: ['192.0.2.0/24', '2001:db8::1'],
      deny: ['bad', '192.0.2.200'],
    });
    const allowed = ['192.0.2.1', '192.0.2.128', '192.0.2.200', '2001:db8::1', '198.51.100.1', ''].map(
      (text) => book.addressAllowed(text),
    );
    expect(allowed).toEqual([false, true, false, false, false, false]);
  });

  it('are looked at once for a connection, and again when they have changed', async () => {
    const book = await bookOf({ deny: ['192.0.2.1'] });
    const address = addressOf('192.0.2.2');
    expect([book.allows(address), book.allows(address)]).toEqual([true, true]);
    await book.apply(document({ deny: ['192.0.2.2'] }));
    expect(book.allows(address)).toBe(false);
    await book.apply(document({ allow: [] }));
    expect(book.allows(address)).toBe(false);
  });

  it('of a route add to those for everybody and do not disturb them', async () => {
    const book = await bookOf({ lists: { office: ['192.0.2.0/24'] }, deny: ['192.0.2.9'] });
    const rules = { allow: ['office'], deny: [] };
    const address = addressOf('192.0.2.9');
    expect([book.allowsOnRoute(address, rules), book.allows(address)]).toEqual([true, false]);
    expect(book.allowsOnRoute(addressOf('198.51.100.1'), rules)).toBe(false);
    await book.apply(document({ lists: { office: ['198.51.100.0/24'] } }));
    expect(book.allowsOnRoute(addressOf('198.51.100.1'), rules)).toBe(true);
  });

  it('close where they name what is not known: a list that has not arrived', async () => {
    const book = await bookOf({});
    const address = addressOf('192.0.2.1');
    expect(book.allowsOnRoute(address, { allow: null, deny: ['later'] })).toBe(false);
    expect(book.allowsOnRoute(address, { allow: ['later'], deny: [] })).toBe(false);
    expect(reports).toHaveLength(2);
    expect(reports[0]).toContain('later');
  });

  it('of a route outlive the list that they name until the route has changed too', async () => {
    const book = await bookOf({ lists: { old: ['192.0.2.0/24'] } });
    await book.apply(document({}));
    const rules = { allow: ['old'], deny: [] };
    expect(book.allowsOnRoute(addressOf('192.0.2.1'), rules)).toBe(true);
  });
});

describe('countries', () => {
  it('come from the database, which is opened for the first rule that names one, and looked up once a connection', async () => {
    let opened = 0;
    let asked = 0;
    const book = new AddressBook({
      report,
      openCountries: async () => {
        opened++;
        const countryOf = await openCountries();
        return (address) => {
          if (address.country === undefined) asked++;
          return countryOf(address);
        };
      },
    });
    await book.apply(document({ deny: ['192.0.2.1'] }));
    expect(opened).toBe(0);
    await book.apply(document({ deny: ['country:US'] }));
    const google = addressOf('8.8.8.8');
    const german = addressOf('193.99.144.80');
    expect([book.allows(google), book.allows(german)]).toEqual([false, true]);
    await book.apply(document({ allow: ['country:DE'] }));
    expect([book.allows(google), book.allows(german)]).toEqual([false, true]);
    expect([opened, asked]).toEqual([1, 2]);
    // An address of nobody's is in no country, whichever one asks for.
    expect(book.addressAllowed('192.0.2.1')).toBe(false);
    expect(book.addressAllowed('2a02:2e0:3fe:1001:302::')).toBe(true);
  });

  it('may be named by routes alone', async () => {
    const book = open();
    const rules = { allow: ['country:DE'], deny: [] };
    await book.apply({ ...document({}), overrides: { 'orders.get': { addresses: rules } } });
    expect(book.allowsOnRoute(addressOf('193.99.144.80'), rules)).toBe(true);
    expect(book.allowsOnRoute(addressOf('8.8.8.8'), rules)).toBe(false);
    expect(reports).toEqual([]);
  });
});

describe('a list that is a file', () => {
  it('has an entry a line, comments, and is read again when asked', async () => {
    const file = path.join(folder, 'list.txt');
    await writeFile(file, '# ours\r\n192.0.2.0/24 # office\r\n\n2001:db8::1\n');
    const book = await bookOf({ lists: { ours: { file } }, deny: ['ours'] });
    const denied = () =>
      ['192.0.2.7', '2001:db8::1', '198.51.100.1'].map((text) => !book.addressAllowed(text));
    expect(denied()).toEqual([true, true, false]);
    await writeFile(file, '198.51.100.1');
    await book.reload();
    expect(denied()).toEqual([false, false, true]);
  });

  it('that is bad or missing changes nothing, says where, and is tried again', async () => {
    const file = path.join(folder, 'late.txt');
    const book = new AddressBook({ report, retryMs: 20 });
    await book.apply(document({ deny: ['192.0.2.1'] }));
    await writeFile(file, '192.0.2.2\n192.0.2.0/33\n');
    await book.apply(document({ lists: { late: { file } }, deny: ['late'] }));
    expect([book.addressAllowed('192.0.2.1'), book.addressAllowed('192.0.2.2')]).toEqual([false, true]);
    expect(reports.join()).toContain('list "late", entry 2 is neither an address nor a CIDR block');
    await rm(file);
    await until(() => reports.some((text) => text.includes('ENOENT')));
    await writeFile(file, '192.0.2.2\n');
    await until(() => book.addressAllowed('192.0.2.1'));
    expect(book.addressAllowed('192.0.2.2')).toBe(false);
    book.stop();
  });
});

describe('a change', () => {
  it('is told to whoever asked, once the new rules are in force', async () => {
    const book = await bookOf({});
    const seen: boolean[] = [];
    book.onChange(() => {
      throw new Error('broken');
    });
    const undo = book.onChange(() => seen.push(book.addressAllowed('192.0.2.1')));
    await book.apply(document({ deny: ['192.0.2.1'] }));
    undo();
    await book.apply(document({}));
    expect(seen).toEqual([false]);
    expect(reports.filter((text) => text.includes('broken'))).toHaveLength(2);
  });

  it('of 100,000 entries lets others run, and the newest of several wins', async () => {
    const many = Array.from(
      { length: 100_000 },
      (_, i) => `10.${i >> 14}.${(i >> 6) & 255}.${(i & 63) * 4}/31`,
    );
    const book = await bookOf({});
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const first = book.apply(document({ lists: { many }, deny: ['many'] }));
    const second = book.apply(document({ lists: { many }, deny: ['many', '192.0.2.1'] }));
    expect(book.addressAllowed('10.0.0.0')).toBe(true);
    await Promise.all([first, second]);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
    const allowed = ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.5.255.252', '10.7.0.0', '192.0.2.1'];
    expect(allowed.map((text) => book.addressAllowed(text))).toEqual([
      false,
      false,
      true,
      false,
      true,
      false,
    ]);
  });
});
