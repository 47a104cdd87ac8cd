import { request as httpRequest, type ClientRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { PinnedCertificate } from './pinned-certificate.ts';

/** Where the gateway is: the one place that knows how one connects to it and what it calls itself. */
export class GatewayAddress {
  /** Scheme, host and port, as browsers write them. */
  readonly origin: string;
  readonly #url: URL;
  readonly #certificate: PinnedCertificate | undefined;

  /**
   * Throws an Error with a sentence for anything but scheme, host and port: the paths of the API are fixed, so a path here
   * could only be dropped or lead past them.
   */
  constructor(text: string, certificate?: PinnedCertificate) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol))
      throw new Error('--gateway: expected an http or https URL, as in https://gateway.example');
    // A "?" or "#" with nothing behind it is not in `search` and `hash`.
    if (url.href !== `${url.origin}/`)
      throw new Error(
        `--gateway: expected scheme, host and port only, as in ${url.origin}: user, path and query are not used`,
      );
    if (certificate && url.protocol !== 'https:')
      throw new Error('--certificate: only a gateway with an https URL has one');
    this.origin = url.origin;
    this.#url = url;
    this.#certificate = certificate;
  }

  /** Begins a request. The fields `Host` and, with TLS, the name that is asked for and checked, are the gateway's. */
  request(
    options: Required<Pick<RequestOptions, 'method' | 'path'>> & { readonly headers: Fields },
  ): ClientRequest {
    const { protocol, host, port } = this.#url;
    // A URL has an IPv6 address in brackets (RFC 3986 section 3.2.2); sockets and certificates have it without.
    const hostname = this.#url.hostname.replace(/^\[(.*)\]$/, '$1');
    const asked = { ...options, protocol, hostname, port, headers: { ...options.headers, host } };
    if (protocol === 'http:') return httpRequest(asked);
    // No address as a name in the handshake: RFC 6066 section 3.
    const servername = isIP(hostname) === 0 ? hostname : '';
    return httpsRequest({ ...asked, servername, ...this.#certificate?.options });
  }
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;
