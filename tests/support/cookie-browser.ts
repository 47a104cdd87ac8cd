/** An answer that a browser without a window has got, not yet followed. */
export interface Visit {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Where it leads, as a full address; null where it does not. */
  readonly location: string | null;
  json(): Record<string, unknown>;
}

export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Keeps cookies by host name, as browsers do (ports do not matter to them), and follows nothing by itself. */
export class CookieBrowser {
  readonly #jar = new Map<string, Map<string, string>>();

  /** The cookies of a host, to be looked at, changed or given to another browser. */
  cookies(url: string): Map<string, string> {
    const host = new URL(url).hostname;
    const cookies = this.#jar.get(host) ?? new Map<string, string>();
    this.#jar.set(host, cookies);
    return cookies;
  }

  async visit(url: string, options: VisitOptions = {}): Promise<Visit> {
    const cookies = this.cookies(url);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = options.form === undefined ? options.body : new URLSearchParams(options.form);
    const response = await fetch(url, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      redirect: 'manual',
      headers: { ...(cookie === '' ? {} : { cookie }), ...options.headers },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of response.headers.getSetCookie()) keep(cookies, line);
    const text = await response.text();
    const location = response.headers.get('location');
    return {
      url,
      status: response.status,
      headers: response.headers,
      text,
      location: location === null ? null : new URL(location, url).href,
      json: () => JSON.parse(text) as Record<string, unknown>,
    };
  }

  /** Follows redirects until there is a page, or one to an address that `stopAt` names. */
  async follow(url: string, stopAt: (url: string) => boolean = () => false): Promise<Visit> {
    let visit = await this.visit(url, { headers: { accept: 'text/html' } });
    for (let hops = 0; visit.location !== null && !stopAt(visit.location); hops++) {
      if (hops === 20) throw new Error(`redirects without an end at ${visit.location}`);
      visit = await this.visit(visit.location, { headers: { accept: 'text/html' } });
    }
    return visit;
  }

  /** From a gateway's login to the callback's address, which is given back and not yet visited. */
  async logInAtProvider(loginUrl: string, user: string): Promise<string> {
    const isCallback = (url: string): boolean => new URL(url).pathname.endsWith('/callback');
    let visit = await this.follow(loginUrl, isCallback);
    for (let forms = 0; visit.location === null; forms++) {
      if (forms === 3 || visit.status !== 200)
        throw new Error(`no callback, but ${visit.status} ${visit.text.slice(0, 500)}`);
      const answered = await this.visit(visit.url, { form: { user } });
      if (answered.location === null)
        throw new Error(`the form leads nowhere: ${answered.text.slice(0, 500)}`);
      visit = await this.follow(answered.location, isCallback);
    }
    return visit.location;
  }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const name = pair.slice(0, pair.indexOf('='));
  const expired = attributes.some(
    (attribute) => /^max-age=0$/i.test(attribute) || /^expires=.* 1970 /i.test(attribute),
  );
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(name.length + 1));
}
