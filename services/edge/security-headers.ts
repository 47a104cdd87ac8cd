import type { GatewayDocument } from '@sluice/policy';
import { hopByHop, type FlatHeaders } from '@sluice/wire';
import type { Exchange } from './exchange.ts';

type Rules = GatewayDocument['security_headers'];

export interface SecurityHeaderDocuments {
  readonly current: { readonly security_headers: Rules };
  onChange(listener: (document: { readonly security_headers: Rules }) => void): () => void;
}

const transport = 'strict-transport-security';

/**
 * What every answer gets unless its backend or the document says otherwise. An API has nothing that a browser should guess
 * the type of, frame, or name in a `Referer`. A content security policy is not among them: what a page may load is
 * known to whoever wrote the page.
 */
export const defaultSecurityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // Of this host alone: for its subdomains and for preload lists their owner has to decide, in the document.
  [transport]: 'max-age=31536000',
};

/** Header fields for the safety of browsers, compiled when the document changes. */
export class SecurityHeaders {
  #plain: FlatHeaders = [];
  #secure: FlatHeaders = [];

  constructor(documents: SecurityHeaderDocuments) {
    this.#compile(documents.current.security_headers);
    documents.onChange((document) => this.#compile(document.security_headers));
  }

  /** RFC 6797 section 7.2: `strict-transport-security` is sent over TLS only. */
  of(exchange: Pick<Exchange, 'secure'>): FlatHeaders {
    return exchange.secure ? this.#secure : this.#plain;
  }

  #compile(rules: Rules): void {
    const fields: [string, string][] = [];
    // Framing is the gateway's: a length written by hand would let answers run into each other.
    for (const [name, value] of Object.entries({ ...defaultSecurityHeaders, ...rules }))
      if (value !== false && name !== 'content-length' && !hopByHop.has(name)) fields.push([name, value]);
    this.#secure = fields.flat();
    this.#plain = fields.filter(([name]) => name !== transport).flat();
  }
}
