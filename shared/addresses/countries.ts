import { createRequire } from 'node:module';
import { open, type CountryResponse } from 'maxmind';
import type { Address } from './address.ts';

/** Tells the country of an address (ISO 3166-1 alpha-2), null where nobody knows. Remembered on the address. */
export type CountryOf = (address: Address) => string | null;

/** Rows of `geo-whois-asn-country`, beside those that the types of `maxmind` know. */
type Row = CountryResponse & { readonly country_code?: string };

let opened: Promise<CountryOf> | undefined;

/**
 * The database that comes with the gateway: `geo-whois-asn-country`, CC0, 8 MB, made of the registries' own data. It is read
 * the first time that a rule names a country and shared from then on; a process without such a rule never has it in memory.
 */
export function openCountries(): Promise<CountryOf> {
  opened ??= read();
  // A failure is not remembered: the next document tries again.
  opened.catch(() => (opened = undefined));
  return opened;
}

async function read(): Promise<CountryOf> {
  const file = createRequire(import.meta.url).resolve(
    '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
  );
  // What is found is kept on the address, as long as its connection; a cache inside would keep a second copy.
  const reader = await open<Row>(file, { cache: { max: 1 } });
  return (address) => {
    if (address.country === undefined) address.country = reader.get(address.text)?.country_code ?? null;
    return address.country;
  };
}
