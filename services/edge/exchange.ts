import { problemHeaders, toProblem, toSluiceError, type SluiceError } from '@sluice/errors';
import type { CompiledRoute } from '@sluice/routes';
import { childTrace } from '@sluice/telemetry';
import type { FlatHeaders } from '@sluice/wire';
import { addressOf, type Address } from '@sluice/addresses';
import type { Caller } from './caller.ts';
import type { Credentials } from './credentials/authenticator.ts';
import type { RequestFields } from './http/request-fields.ts';
import type { LocalRoute } from './local-routes.ts';

const noBytes = new Uint8Array(0);
const noHeaders: FlatHeaders = [];

/** Where a request's body comes from and its answer goes to: an HTTP connection or a live one. */
export interface Outlet {
  /** The client has gone: nobody reads the answer. */
  readonly gone: boolean;
  /** Gives the whole body. Rejects with SluiceError: `body_too_large` past `limit` bytes, `request_timeout`, … */
  receive(limit: number, fields: RequestFields): Uint8Array | Promise<Uint8Array>;
  /** Sends the finished answer. Headers are valid, lower case, and hold everything but the framing. */
  send(exchange: Exchange): void;
  /** Cuts the client off, where nothing can be sent any more. */
  abort(): void;
  /** Hands a `/v1/stream` request over to the live side. Throws, or rejects with, SluiceError to refuse. */
  stream(exchange: Exchange): void | Promise<void>;
}

/** One request on its way through the phases: what each has found out, and the answer as it stands. */
export class Exchange implements Credentials {
  readonly outlet: Outlet;
  readonly method: string;
  /** As the client sent it; `path` and `query` are the checked forms. */
  readonly target: string;
  readonly version: string;
  readonly fields: RequestFields;
  /** Address of the client as text, after trusted proxies. */
  readonly client: string;
  /** The client has come over TLS, to here or to a trusted proxy. */
  readonly secure: boolean;
  /** Caller of the live connection that a call came over; counts where the call has no credential of its own. */
  readonly carried: Caller | null;
  /** Monotonic, milliseconds. */
  readonly startedAt = performance.now();
  readonly trace: string;

  path = '';
  query = '';
  segments: readonly string[] = [];
  /** The path ends with a slash that is not its first. */
  slash = false;

  route: CompiledRoute | null = null;
  /** The path is one of the edge's own. */
  own: LocalRoute | null = null;
  /** The request is a CORS preflight that the gateway answers: methods of the path. `route` is the one that is asked about. */
  preflight: readonly string[] | null = null;
  /** Whether a CORS policy has been looked for, and whether there was one: the backend's own word is not passed on then. */
  corsDecided = false;
  ownsCors = false;
  params: Readonly<Record<string, string>> = {};
  /** What metrics and the access record call the route; bounded, unlike the path. */
  label = 'none';
  /** Who calls; null for anonymous calls of public routes. */
  caller: Caller | null = null;
  body: Uint8Array = noBytes;
  /** Milliseconds between the message to the router and its answer; 0 when there was none. */
  backendMs = 0;

  status = 0;
  headers: FlatHeaders = [];
  /** What phases have added to the answer, whatever it becomes; see {@link Exchange.addHeaders}. */
  answerHeaders: FlatHeaders = noHeaders;
  reply: Uint8Array = noBytes;
  /** The error that became the answer, for the record. */
  error: SluiceError | null = null;
  /** The live side answers: nothing more to do here than to record. */
  handedOver = false;
  /** Set with `handedOver` where the record waits for the end of the stream. */
  closed: Promise<void> | null = null;
  #address: Address | null;

  constructor(request: {
    outlet: Outlet;
    method: string;
    target: string;
    version: string;
    fields: RequestFields;
    /** Text where the address was not parsed for the connection already. */
    client: Address | string;
    secure?: boolean;
    carried?: Caller | null;
  }) {
    this.outlet = request.outlet;
    this.method = request.method;
    this.target = request.target;
    this.version = request.version;
    this.fields = request.fields;
    const { client } = request;
    this.#address = typeof client === 'string' ? null : client;
    this.client = typeof client === 'string' ? client : client.text;
    this.secure = request.secure ?? false;
    this.carried = request.carried ?? null;
    this.trace = childTrace(request.fields.traceparent);
  }

  get address(): Address {
    return (this.#address ??= addressOf(this.client));
  }

  get requestId(): string {
    return this.fields.requestId;
  }

  // An exchange is what authenticators read, so that nothing is made for them.
  get authorization(): string | null {
    return this.fields.authorization;
  }

  get apiKey(): string | null {
    return this.fields.apiKey;
  }

  get cookie(): string | null {
    return this.fields.cookie;
  }

  /** Requests have none: queries end up in logs. Live connections may. */
  get queryToken(): null {
    return null;
  }

  get origin(): string | null {
    return this.fields.origin;
  }

  get secFetchSite(): string | null {
    return this.fields.secFetchSite;
  }

  /** True when the answer is known and the remaining phases have nothing to do. */
  get settled(): boolean {
    return this.status !== 0 || this.handedOver;
  }

  answer(status: number, headers: FlatHeaders, reply: Uint8Array = noBytes): void {
    this.status = status;
    this.headers = headers;
    this.reply = reply;
  }

  /**
   * Adds fields to the answer, be it a success, an error of the gateway, or an event stream: names in lower case. They
   * go before fields of the same name that a backend sends, except `set-cookie` and `vary`, which are kept side by side.
   * The list is taken as it is: a phase may give the same compiled one every time.
   */
  addHeaders(fields: FlatHeaders): void {
    this.answerHeaders = this.answerHeaders.length === 0 ? fields : [...this.answerHeaders, ...fields];
  }

  /** Makes the problem document of anything thrown the answer. */
  fail(thrown: unknown): void {
    const error = toSluiceError(thrown);
    this.error = error;
    this.answer(
      error.status,
      problemHeaders(error),
      Buffer.from(JSON.stringify(toProblem(error, this.requestId))),
    );
  }
}
