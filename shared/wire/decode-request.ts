import { decodeIdentity } from './decode-identity.ts';
import type { Identity, WireRequest } from './envelope.ts';
import { WireError } from './error.ts';
import type { FlatHeaders } from './headers.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { checkVersion, flatHeaders, noBody, noHeaders, once } from './parts.ts';
import { TextMap } from './text-map.ts';
import { Words } from './words.ts';

const mostParams = 32;
const noParams: Readonly<Record<string, string>> = Object.freeze(new TextMap());
const requestKeys = new Words([
  'v',
  'method',
  'path',
  'route',
  'params',
  'query',
  'headers',
  'body',
  'identity',
  'client',
  'id',
  'deadline',
  'trace',
]);

/**
 * Decodes and checks a request. `body` is a Buffer that aliases `payload`: copy it before keeping it longer than the
 * call. `params` inherits nothing ({@link TextMap}). Throws {@link WireError}.
 */
export function decodeRequest(payload: Uint8Array): WireRequest {
  const reader = new MsgpackReader(payload);
  let version: number | undefined;
  let method: string | undefined;
  let path: string | undefined;
  let route: string | undefined;
  let id: string | undefined;
  let deadline: number | undefined;
  let params: Readonly<Record<string, string>> | undefined;
  let query: string | undefined;
  let headers: FlatHeaders | undefined;
  let body: Uint8Array | undefined;
  let identity: Identity | null | undefined;
  let client: string | undefined;
  let trace: string | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text(requestKeys)) {
      case 'v':
        version = once('v', version, reader.integer());
        break;
      case 'method':
        method = once('method', method, reader.text());
        break;
      case 'path':
        path = once('path', path, reader.text());
        break;
      case 'route':
        route = once('route', route, reader.text());
        break;
      case 'params':
        params = once('params', params, reader.nil() ? noParams : textMap(reader));
        break;
      case 'query':
        query = once('query', query, reader.nil() ? '' : reader.text());
        break;
      case 'headers':
        headers = once('headers', headers, reader.nil() ? noHeaders : flatHeaders(reader));
        break;
      case 'body':
        body = once('body', body, reader.nil() ? noBody : reader.binary());
        break;
      case 'identity':
        identity = once('identity', identity, reader.nil() ? null : decodeIdentity(reader));
        break;
      case 'client':
        client = once('client', client, reader.nil() ? '' : reader.text());
        break;
      case 'id':
        id = once('id', id, reader.text());
        break;
      case 'deadline':
        deadline = once('deadline', deadline, reader.integer());
        break;
      case 'trace':
        trace = once('trace', trace, reader.nil() ? '' : reader.text());
        break;
      default:
        reader.skip();
    }
  }
  reader.end();
  checkVersion(version);
  if (method === undefined || path === undefined || route === undefined || id === undefined)
    throw new WireError('request envelope lacks method, path, route or id');
  if (deadline === undefined) throw new WireError('request envelope has no deadline');
  return {
    method,
    path,
    route,
    params: params ?? noParams,
    query: query ?? '',
    headers: headers ?? noHeaders,
    body: body ?? noBody,
    identity: identity ?? null,
    client: client ?? '',
    id,
    deadline,
    trace: trace ?? '',
  };
}

/** The part of a request that a route's schemas are about. */
export type RequestInput = Pick<WireRequest, 'params' | 'query' | 'headers' | 'body'>;

/**
 * {@link decodeRequest} for who only checks what a client has sent and passes the envelope on as it came: steps over the
 * rest, and over the header fields where nobody looks at them. A third of the work. Throws {@link WireError}.
 */
export function decodeInput(payload: Uint8Array, withHeaders: boolean): RequestInput {
  const reader = new MsgpackReader(payload);
  let params: Readonly<Record<string, string>> | undefined;
  let query: string | undefined;
  let headers: FlatHeaders | undefined;
  let body: Uint8Array | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text(requestKeys)) {
      case 'params':
        params = once('params', params, reader.nil() ? noParams : textMap(reader));
        break;
      case 'query':
        query = once('query', query, reader.nil() ? '' : reader.text());
        break;
      case 'headers':
        if (withHeaders) headers = once('headers', headers, reader.nil() ? noHeaders : flatHeaders(reader));
        else reader.skip();
        break;
      case 'body':
        body = once('body', body, reader.nil() ? noBody : reader.binary());
        break;
      default:
        reader.skip();
    }
  }
  reader.end();
  return {
    params: params ?? noParams,
    query: query ?? '',
    headers: headers ?? noHeaders,
    body: body ?? noBody,
  };
}

function textMap(reader: MsgpackReader): Record<string, string> {
  const size = reader.mapSize();
  if (size > mostParams) throw new WireError(`more than ${mostParams} parameters`);
  const map = new TextMap();
  for (let i = 0; i < size; i++) {
    const name = reader.text();
    map[name] = once(name, map[name], reader.text());
  }
  return map;
}
