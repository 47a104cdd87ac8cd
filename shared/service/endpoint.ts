import type { AuthMethod } from '@sluice/policy';
import type { FlatHeaders, WireRequest } from '@sluice/wire';
import type { z } from 'zod';

type Fields = z.ZodObject | undefined;
type Parsed<Schema, Otherwise> = Schema extends z.ZodType ? z.output<Schema> : Otherwise;

/** Query parameters where no schema is given: text, or a list where a name is repeated. */
export type QueryValues = Readonly<Record<string, string | string[]>>;

/** What a handler gets. Every part is already checked against the endpoint's schemas. */
export interface Call<Params, Query, Headers, Body> {
  readonly params: Params;
  readonly query: Query;
  /** The fields of the `headers` schema by lower-case name; all fields as a flat list where there is no schema. */
  readonly headers: Headers;
  /** The parsed JSON body; the bytes as they came where there is no `body` schema. */
  readonly body: Body;
  /** Everything the gateway sent: caller, client address, request id, trace. */
  readonly request: WireRequest;
  /** Absolute, milliseconds since the epoch: nobody waits for an answer after it. */
  readonly deadline: number;
  /** Aborts at the deadline. Made when first asked for. */
  readonly signal: AbortSignal;
}

export interface EndpointDefinition<
  Params extends Fields = Fields,
  Query extends Fields = Fields,
  Headers extends Fields = Fields,
  Body extends z.ZodType | undefined = z.ZodType | undefined,
> {
  /** `GET /v1/orders/{id}`. Without it the endpoint is plain ADR-32: reachable on NATS only, payload = JSON body. */
  readonly route?: string;
  /** Default `<service>.<endpoint>`. */
  readonly subject?: string;
  /** Queue group; the service's own when absent. */
  readonly queue?: string;
  /** One line for the API reference. */
  readonly summary: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  /** `public`, or the credential methods that are accepted, in order. Without it the gateway's default holds: closed, unless it says otherwise. */
  readonly auth?: 'public' | readonly AuthMethod[];
  /** The caller needs one of these. */
  readonly roles?: readonly string[];
  /** The caller needs all of these. */
  readonly scopes?: readonly string[];
  /** Names of limits of the gateway document that a call spends. */
  readonly limits?: readonly string[];
  /** Tokens that a call spends of each limit and quota; default 1. */
  readonly cost?: number;
  /** Name of a CORS policy of the gateway document. */
  readonly cors?: string;
  /** Media types that a body may have, `image/*` allowed; others get 415. Default: any. */
  readonly contentTypes?: readonly string[];
  /** Time from edge to answer: `500ms`, `2s`, `1m`. */
  readonly timeout?: string;
  /** Largest request body, bytes. */
  readonly bodyLimit?: number;
  /** Schemas must be synchronous. */
  readonly params?: Params;
  readonly query?: Query;
  readonly headers?: Headers;
  readonly body?: Body;
  /** Numbers of a JSON body that JavaScript would round are faults. Default: they are rounded, as `JSON.parse` does. */
  readonly exactNumbers?: boolean;
  /** What a good answer looks like; documentation, answers are not checked against it. */
  readonly response?: z.ZodType;
  /** Status of a returned value; default 200, or 204 when the handler returns nothing. */
  readonly status?: number;
  /** Media type of a body that is not JSON. Its schema is for the API reference then, and the handler reads `request.body`. */
  readonly bodyContentType?: string;
  /** Media type of answers that are not JSON, for the API reference. */
  readonly responseContentType?: string;
  /** Returns a value (sent as JSON), nothing, or `reply(…)`. Throw a SluiceError for a problem document. */
  readonly handler: (
    call: Call<
      Parsed<Params, Readonly<Record<string, string>>>,
      Parsed<Query, QueryValues>,
      Parsed<Headers, FlatHeaders>,
      Parsed<Body, Uint8Array>
    >,
  ) => unknown;
}

/** An endpoint whose schema types have done their work: services hold any mixture of them. */
export type Endpoint = Omit<EndpointDefinition, 'handler'> & {
  readonly handler: (call: Call<unknown, unknown, unknown, unknown>) => unknown;
};

/** Defines an endpoint; the handler's argument is typed by the schemas beside it. */
export function endpoint<
  Params extends Fields = undefined,
  Query extends Fields = undefined,
  Headers extends Fields = undefined,
  Body extends z.ZodType | undefined = undefined,
>(definition: EndpointDefinition<Params, Query, Headers, Body>): Endpoint {
  return definition as unknown as Endpoint;
}
