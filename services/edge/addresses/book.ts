import {
  AddressFilter,
  AddressLists,
  addressOf,
  countryOfRule,
  openCountries,
  type Address,
  type AddressRanges,
  type CountryOf,
  type FilterRules,
  type ListSource,
} from '@sluice/addresses';

/** The part of the gateway document that this is about. */
export interface AddressDocument {
  readonly addresses: FilterRules & { readonly lists: Readonly<Record<string, ListSource>> };
  /** Routes may name countries of their own. */
  readonly routes?: readonly { readonly addresses?: FilterRules | undefined }[];
  readonly overrides?: Readonly<Record<string, { readonly addresses?: FilterRules | undefined }>>;
}

export interface AddressBookOptions {
  readonly report: (detail: string, error?: unknown) => void;
  /** Tests count how often the database is asked for. */
  readonly openCountries?: () => Promise<CountryOf>;
  /** Milliseconds until what failed is tried again; default 10 s. */
  readonly retryMs?: number;
}

const closed: FilterRules = { allow: [], deny: [] };

/**
 * Who may call by address: the document's rules, compiled, for the gateway as a whole and for routes. A new document is
 * compiled beside the old rules and takes their place whole, or not at all. Before the first one nobody is let in.
 */
export class AddressBook {
  readonly #options: AddressBookOptions;
  readonly #lists = new AddressLists();
  readonly #listeners = new Set<() => void>();
  #named: ReadonlyMap<string, AddressRanges> = new Map();
  /** Lists of the document before: routes that still name them arrive after the document that has dropped them. */
  #former: ReadonlyMap<string, AddressRanges> = new Map();
  #countryOf: CountryOf | null = null;
  #filter = new AddressFilter(closed, { list: () => undefined, countryOf: null });
  #ready = false;
  /** Compiled rules of routes; a new set of lists needs new ones. */
  #ofRoutes = new WeakMap<FilterRules, AddressFilter>();
  #last: AddressDocument | null = null;
  #next: AddressDocument | null = null;
  #retry: NodeJS.Timeout | undefined;
  /** Null after the end. */
  #retryMs: number | null;
  #working: Promise<void> | null = null;

  constructor(options: AddressBookOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? 10_000;
  }

  /** Rules are in force. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The rules for everybody; costs nothing after the first request of a connection. */
  allows(address: Address): boolean {
    return this.#filter.allows(address);
  }

  /** The rules of one route, beside those for everybody. */
  allowsOnRoute(address: Address, rules: FilterRules): boolean {
    let filter = this.#ofRoutes.get(rules);
    if (!filter) {
      filter = this.#compile(rules);
      this.#ofRoutes.set(rules, filter);
    }
    return filter.judge(address);
  }

  /** {@link allows} for connections that have kept the text of their address only: live ones, when the rules change. */
  addressAllowed(address: string): boolean {
    return this.#filter.allows(addressOf(address));
  }

  /** Calls `listener` after new rules have come into force. Gives what takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Brings the rules of a document into force; resolves when they are, or when a newer document has overtaken this one.
   * Never rejects: what cannot be compiled is reported, the rules stay as they were, and it is tried again.
   */
  apply(document: AddressDocument): Promise<void> {
    clearTimeout(this.#retry);
    this.#last = document;
    this.#next = document;
    this.#working ??= this.#work().finally(() => (this.#working = null));
    return this.#working;
  }

  /** Reads the lists that are files again. */
  reload(): Promise<void> {
    return this.#last === null ? Promise.resolve() : this.apply(this.#last);
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#retryMs = null;
  }

  async #work(): Promise<void> {
    while (this.#next !== null) {
      const document = this.#next;
      this.#next = null;
      try {
        await this.#swap(document);
      } catch (error) {
        this.#options.report('the address rules cannot be used; those in force stay', error);
        this.#tryAgain();
      }
    }
  }

  #tryAgain(): void {
    if (this.#retryMs === null) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.reload(), this.#retryMs).unref();
  }

  async #swap(document: AddressDocument): Promise<void> {
    const named = await this.#lists.compile(document.addresses.lists);
    if (this.#countryOf === null && namesCountry(document))
      this.#countryOf = await (this.#options.openCountries ?? openCountries)();
    this.#former = this.#named;
    this.#named = named;
    this.#ofRoutes = new WeakMap();
    this.#filter = this.#compile(document.addresses);
    this.#ready = true;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.report('somebody could not follow new address rules', error);
      }
    }
  }

  #compile(rules: FilterRules): AddressFilter {
    const filter = new AddressFilter(rules, {
      list: (name) => this.#named.get(name) ?? this.#former.get(name),
      countryOf: this.#countryOf,
    });
    if (filter.unknown.length > 0)
      this.#options.report(`address rules name what this edge does not know: ${filter.unknown.join(', ')}`);
    return filter;
  }
}

function namesCountry(document: AddressDocument): boolean {
  const { addresses, routes = [], overrides = {} } = document;
  const rules = [addresses, ...[...routes, ...Object.values(overrides)].map((policy) => policy.addresses)];
  return rules.some((each) =>
    [...(each?.allow ?? []), ...(each?.deny ?? [])].some((rule) => countryOfRule(rule)),
  );
}
