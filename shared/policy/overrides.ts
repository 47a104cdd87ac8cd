import type { GatewayDocument } from './document/gateway.ts';

export type Override = GatewayDocument['overrides'][string];

/** Looks up what a document says about announced routes, by their ids. */
export class Overrides {
  readonly #exact = new Map<string, Override>();
  /** Those with `*`, the least particular first. */
  readonly #patterns: readonly { readonly matches: RegExp; readonly override: Override }[];

  constructor(overrides: GatewayDocument['overrides']) {
    const patterns: { id: string; matches: RegExp; override: Override }[] = [];
    for (const [id, override] of Object.entries(overrides))
      if (id.includes('*')) patterns.push({ id, matches: pattern(id), override });
      else this.#exact.set(id, override);
    this.#patterns = patterns.toSorted((a, b) => particular(a.id) - particular(b.id));
  }

  /**
   * What is said about the route, each member by who says it most particularly: its own id, then the pattern with the
   * most parts that are written out. Null where nothing is.
   */
  of(id: string): Override | null {
    const exact = this.#exact.get(id);
    const said = this.#patterns.filter(({ matches }) => matches.test(id)).map(({ override }) => override);
    if (said.length === 0) return exact ?? null;
    return Object.assign({}, ...said, exact) as Override;
  }
}

/** `*` stands for one part; at the end for all that are left, because ids of endpoints that share a name have more. */
function pattern(id: string): RegExp {
  const parts = id.split('.');
  const source = parts.map((part, index) =>
    part === '*' ? (index === parts.length - 1 ? '.+' : '[^.]+') : part,
  );
  return new RegExp(`^${source.join('\\.')}$`);
}

function particular(id: string): number {
  const parts = id.split('.');
  return parts.filter((part) => part !== '*').length * 100 + parts.length;
}
