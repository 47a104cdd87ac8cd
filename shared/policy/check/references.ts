import type { GatewayDocument } from '../document/gateway.ts';
import { allRoles } from '../roles.ts';
import { countryHint, isAddressOrBlock, isCountryRule } from './addresses.ts';
import { nameHint } from './closest.ts';
import type { DocumentFault } from './fault.ts';

/** Faults beyond these are told without a guess at what was meant. */
const mostHints = 100;
/** Names that are compared with what was written, in all: each comparison takes microseconds, and there may be many names. */
const mostComparisons = 20_000;

type Path = readonly (string | number)[];

/** Collects faults; the names of the document are looked up in one place. */
export class References {
  readonly faults: DocumentFault[] = [];
  #comparisons = 0;
  readonly #names: Readonly<Record<Noun, ReadonlySet<string>>>;

  constructor(document: GatewayDocument) {
    this.#names = {
      roles: new Set(allRoles(document.roles).keys()),
      limits: new Set(Object.keys(document.limits)),
      quotas: new Set(Object.keys(document.quotas)),
      cors: new Set(Object.keys(document.cors)),
      lists: new Set(Object.keys(document.addresses.lists)),
    };
  }

  fault(path: Path, message: string, hint: string | null = null): void {
    this.faults.push({ path, message, hint });
  }

  /** Every name has to be one that the document defines. */
  names(noun: Noun, written: readonly string[] | undefined, path: Path): void {
    for (const [index, name] of (written ?? []).entries()) this.name(noun, name, [...path, index]);
  }

  name(noun: Noun, written: string | undefined, path: Path): void {
    const known = this.#names[noun];
    if (written === undefined || known.has(written)) return;
    this.fault(path, `${singular[noun]} "${written}" is not defined`, this.#guess(noun, written));
  }

  #guess(noun: Noun, written: string): string | null {
    if (this.faults.length >= mostHints || this.#comparisons >= mostComparisons) return null;
    const known = this.#names[noun];
    this.#comparisons += known.size;
    return nameHint(written, known, titles[noun]);
  }

  /** Members of `allow` and `deny`: an address, a CIDR block, a country or the name of a list. */
  addressRules(rules: { allow?: string[] | undefined; deny: string[] } | undefined, path: Path): void {
    if (!rules) return;
    for (const side of ['allow', 'deny'] as const)
      for (const [index, text] of (rules[side] ?? []).entries()) {
        if (this.#names.lists.has(text) || isAddressOrBlock(text) || isCountryRule(text)) continue;
        const place = [...path, side, index];
        if (text.startsWith('country:')) this.fault(place, `"${text}" is no country`, countryHint(text));
        else if (/[.:/]/.test(text))
          this.fault(place, `"${text}" is no address and no CIDR block`, addressHint);
        else this.fault(place, `address list "${text}" is not defined`, this.#guess('lists', text));
      }
  }

  /** `public` asks nobody who they are, so it can ask for nothing else. */
  demands(
    rules: {
      auth?: 'public' | string[] | undefined;
      roles?: string[] | undefined;
      scopes?: string[] | undefined;
    },
    path: Path,
  ): void {
    if (rules.auth !== 'public' || !((rules.roles?.length ?? 0) > 0 || (rules.scopes?.length ?? 0) > 0))
      return;
    this.fault(
      [...path, 'auth'],
      'is public, yet roles or scopes are asked for',
      'name the credentials that are taken, like [key, jwt], or take the roles and scopes away',
    );
  }
}

export type Noun = 'roles' | 'limits' | 'quotas' | 'cors' | 'lists';

const singular: Record<Noun, string> = {
  roles: 'role',
  limits: 'limit',
  quotas: 'quota',
  cors: 'CORS policy',
  lists: 'address list',
};
const titles: Record<Noun, string> = {
  roles: '`roles`',
  limits: '`limits`',
  quotas: '`quotas`',
  cors: '`cors` policies',
  lists: '`addresses.lists`',
};

export const addressHint = 'write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32';
