import type { Cors } from '@sluice/policy';
import type { FlatHeaders } from '@sluice/wire';

/** An origin may be answered with, or not; whoever caches has to know that the field decided. */
const varies: FlatHeaders = ['vary', 'Origin'];

/** Names of hosts as browsers write them in `Origin`: lower case, international ones in Punycode. */
const labels = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** `https://*.example.com:8443`: any name below the host, never the host itself. */
interface Pattern {
  readonly start: string;
  readonly end: string;
}

/**
 * One CORS policy (Fetch standard, section 3.2), compiled: the fields for origins that it names are made once. With the
 * origin `*` nobody gets credentials, whatever the policy says.
 */
export class CorsPolicy {
  readonly #any: boolean;
  readonly #answers = new Map<string, FlatHeaders>();
  readonly #patterns: readonly Pattern[];
  readonly #credentials: boolean;
  readonly #expose: string;
  readonly #methods: ReadonlySet<string> | null;
  readonly #headers: string;
  readonly #maxAge: string;

  constructor(rules: Cors) {
    this.#any = rules.origins.includes('*');
    this.#credentials = rules.credentials && !this.#any;
    this.#expose = rules.expose.join(', ');
    this.#methods = rules.methods === undefined ? null : new Set(rules.methods);
    this.#headers = rules.headers.join(', ');
    this.#maxAge = String(Math.floor(rules.max_age / 1_000));
    this.#patterns = rules.origins.filter((origin) => origin.includes('://*.')).map(patternOf);
    for (const origin of rules.origins)
      if (!origin.includes('*')) this.#answers.set(origin, this.#allow(origin));
    if (this.#any) this.#answers.set('*', this.#allow('*'));
  }

  /** Fields of an answer; also of one to a request without `Origin`, because a cache may give it to another. */
  answer(origin: string | null): FlatHeaders {
    if (this.#any) return this.#answers.get('*') as FlatHeaders;
    if (origin === null) return varies;
    const known = this.#answers.get(origin);
    if (known) return known;
    return this.#matches(origin) ? this.#allow(origin) : varies;
  }

  /** Fields of the answer to a preflight. `methods` are those of the path that this policy is for; it may name fewer. */
  preflight(origin: string, methods: readonly string[]): FlatHeaders {
    const vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
    if (!this.#any && !this.#answers.has(origin) && !this.#matches(origin)) return ['vary', vary];
    const fields = [
      'access-control-allow-origin',
      this.#any ? '*' : origin,
      'access-control-max-age',
      this.#maxAge,
      'vary',
      vary,
    ];
    const allowed = methods.filter((method) => this.#methods?.has(method) ?? true);
    if (allowed.length > 0) fields.push('access-control-allow-methods', allowed.join(', '));
    if (this.#headers !== '') fields.push('access-control-allow-headers', this.#headers);
    if (this.#withCredentials(origin)) fields.push('access-control-allow-credentials', 'true');
    return fields;
  }

  #allow(origin: string): FlatHeaders {
    const fields = ['access-control-allow-origin', origin];
    if (this.#expose !== '') fields.push('access-control-expose-headers', this.#expose);
    if (this.#withCredentials(origin)) fields.push('access-control-allow-credentials', 'true');
    if (origin !== '*') fields.push(...varies);
    return fields;
  }

  /** `null` is the origin of every sandboxed page, whoever made it. */
  #withCredentials(origin: string): boolean {
    return this.#credentials && origin !== 'null';
  }

  #matches(origin: string): boolean {
    return this.#patterns.some(
      ({ start, end }) =>
        origin.length > start.length + end.length &&
        origin.startsWith(start) &&
        origin.endsWith(end) &&
        labels.test(origin.slice(start.length, origin.length - end.length)),
    );
  }
}

function patternOf(origin: string): Pattern {
  const star = origin.indexOf('*');
  return { start: origin.slice(0, star), end: origin.slice(star + 1) };
}
