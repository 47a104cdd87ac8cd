import type { GatewayDocument, Issuer } from '@sluice/policy';
import { jwksAt, jwksIn } from './jwks-source.ts';
import { KeySet, type KeySetOptions } from './key-set.ts';

/** An issuer of the document, ready to check tokens. */
export interface KnownIssuer {
  readonly name: string;
  readonly rules: Issuer;
  readonly keySet: KeySet;
  /** What a verified token depends on; while it is the same, the token need not be verified again. */
  readonly terms: string;
}

type Tell = Pick<KeySetOptions, 'changed' | 'report' | 'observe'>;

/** The issuers of the document. What was read from an address stays known while the document names it. */
export class Issuers {
  readonly #tell: Tell;
  #byName: ReadonlyMap<string, KnownIssuer> = new Map();
  #byClaim: ReadonlyMap<string, KnownIssuer> = new Map();
  #keySets: ReadonlyMap<string, KeySet> = new Map();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  get(name: string): KnownIssuer | undefined {
    return this.#byName.get(name);
  }

  /** The one that a token with this `iss` is of; a document names no issuer twice. */
  claimedBy(iss: unknown): KnownIssuer | undefined {
    return typeof iss === 'string' ? this.#byClaim.get(iss) : undefined;
  }

  /** Takes the issuers of a document over, whole. */
  apply({ issuers }: GatewayDocument): void {
    const keySets = new Map<string, KeySet>();
    const byName = new Map<string, KnownIssuer>();
    for (const [name, rules] of Object.entries(issuers)) {
      const settings = JSON.stringify(rules.jwks);
      const keySet = keySets.get(settings) ?? this.#keySets.get(settings) ?? this.#keySet(name, rules);
      keySets.set(settings, keySet);
      byName.set(name, { name, rules, keySet, terms: termsOf(rules) });
    }
    for (const [settings, keySet] of this.#keySets) if (!keySets.has(settings)) keySet.stop();
    this.#keySets = keySets;
    this.#byName = byName;
    this.#byClaim = new Map([...byName.values()].map((issuer) => [issuer.rules.issuer, issuer]));
  }

  /** Resolves when every key set has been looked for once. */
  async settled(): Promise<void> {
    await Promise.all([...this.#keySets.values()].map((keySet) => keySet.settled()));
  }

  stop(): void {
    for (const keySet of this.#keySets.values()) keySet.stop();
  }

  #keySet(name: string, { jwks }: Issuer): KeySet {
    const { changed, report, observe } = this.#tell;
    const remote = 'url' in jwks;
    const before = this.#byName.get(name);
    return new KeySet({
      // Read at other times from the same place: what is known stays known, should the server be away just now.
      ...(before && placeOf(before.rules) === placeOf({ jwks }) ? { known: before.keySet.keys } : {}),
      source: remote ? jwksAt(jwks.url) : jwksIn(jwks.file),
      refreshMs: remote ? jwks.refresh : null,
      // A file that was changed is told of within a second; tokens must not make us read it all the time.
      cooldownMs: remote ? jwks.cooldown : 1_000,
      changed,
      report: (detail, error) => report(`issuer ${name}: ${detail}`, error),
      ...(observe === undefined ? {} : { observe }),
    });
  }
}

function termsOf(rules: Issuer): string {
  return JSON.stringify([
    rules.issuer,
    rules.audience,
    placeOf(rules),
    rules.algorithms,
    rules.clock_tolerance,
    rules.required_claims,
    rules.subject_claim,
  ]);
}

function placeOf({ jwks }: Pick<Issuer, 'jwks'>): string {
  return 'url' in jwks ? jwks.url : jwks.file;
}
