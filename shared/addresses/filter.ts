import type { Address } from './address.ts';
import type { CountryOf } from './countries.ts';
import { RangeBuilder, type AddressRanges } from './ranges.ts';

/** What a filter looks names up in while it is compiled. */
export interface FilterSources {
  /** Undefined for a list that this edge does not know. */
  readonly list: (name: string) => AddressRanges | undefined;
  /** Null while no database is open. */
  readonly countryOf: CountryOf | null;
}

/** As the document has them, or a compiled route. */
export interface FilterRules {
  /** Null or absent: everybody whom `deny` does not name. */
  readonly allow?: readonly string[] | null | undefined;
  readonly deny: readonly string[];
}

/** The addresses that a list of rules names. */
interface Named {
  readonly ranges: readonly AddressRanges[];
  readonly countries: ReadonlySet<string>;
  /** Names that mean nothing here. */
  readonly unknown: readonly string[];
}

const countryRule = /^country:([A-Z]{2})$/;

/** The country that a rule names; null for every other rule. */
export function countryOfRule(rule: string): string | null {
  return countryRule.exec(rule)?.[1] ?? null;
}

/**
 * Rules, compiled: who is denied is out, and where somebody is allowed everybody else is. A rule that cannot be
 * understood (a list that has not arrived, a country without a database) closes: a denial that names it denies
 * everybody, an allowance allows nobody by it.
 */
export class AddressFilter {
  readonly #allow: Named | null;
  readonly #deny: Named;
  readonly #countryOf: CountryOf | null;
  /** True where there is nothing to look at. */
  readonly open: boolean;
  /** Rules that this edge cannot follow. */
  readonly unknown: readonly string[];

  constructor(rules: FilterRules, sources: FilterSources) {
    this.#allow = rules.allow ? compile(rules.allow, sources) : null;
    this.#deny = compile(rules.deny, sources);
    this.#countryOf = sources.countryOf;
    this.open = this.#allow === null && rules.deny.length === 0;
    this.unknown = [...this.#deny.unknown, ...(this.#allow?.unknown ?? [])];
  }

  /** The verdict, which the address remembers until another filter is asked. */
  allows(address: Address): boolean {
    if (this.open) return true;
    if (address.judge === this) return address.allowed;
    const allowed = this.judge(address);
    address.judge = this;
    address.allowed = allowed;
    return allowed;
  }

  /** The verdict without a memory: a route's, which would push out that for everybody. */
  judge(address: Address): boolean {
    if (this.#deny.unknown.length > 0 || this.#holds(this.#deny, address)) return false;
    return this.#allow === null || this.#holds(this.#allow, address);
  }

  #holds(named: Named, address: Address): boolean {
    for (const ranges of named.ranges) if (ranges.has(address)) return true;
    if (named.countries.size === 0 || this.#countryOf === null) return false;
    const country = this.#countryOf(address);
    return country !== null && named.countries.has(country);
  }
}

function compile(rules: readonly string[], { list, countryOf }: FilterSources): Named {
  const own = new RangeBuilder();
  const ranges: AddressRanges[] = [];
  const countries = new Set<string>();
  const unknown: string[] = [];
  for (const rule of rules) {
    const country = countryOfRule(rule);
    if (country !== null) {
      if (countryOf === null) unknown.push(rule);
      else countries.add(country);
      continue;
    }
    const named = list(rule);
    if (named) ranges.push(named);
    else if (!own.add(rule)) unknown.push(rule);
  }
  const single = own.build();
  if (single.size > 0) ranges.unshift(single);
  return { ranges, countries, unknown };
}
