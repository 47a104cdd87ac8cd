import { wireVersion, type Identity, type WireRequest, type WireResponse } from './envelope.ts';
import { WireError } from './error.ts';
import type { FlatHeaders } from './headers.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { TextMap } from './text-map.ts';
import { Words } from './words.ts';

/** Header fields an envelope may hold. Fields, not bytes: bytes are bounded by the edge (requests) and by what NATS carries. */
export const mostFields = 512;
const mostParams = 32;
const mostGrants = 1024;
const empty: Uint8Array = Buffer.alloc(0);
const noHeaders: FlatHeaders = Object.freeze([]);
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
const responseKeys = new Words(['v', 'status', 'headers', 'body']);
const commonFields = new Words([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'etag',
  'host',
  'origin',
  'referer',
  'set-cookie',
  'traceparent',
  'user-agent',
  'x-forwarded-for',
  'x-request-id',
]);
/** RFC 9110 section 5.6.2, lower case only. */
const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 section 5.5 without the control characters that could split a response; bytes above 0x7F are Latin-1. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

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
        body = once('body', body, reader.nil() ? empty : reader.binary());
        break;
      case 'identity':
        identity = once('identity', identity, reader.nil() ? null : readIdentity(reader));
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
    body: body ?? empty,
    identity: identity ?? null,
    client: client ?? '',
    id,
    deadline,
    trace: trace ?? '',
  };
}

/**
 * Decodes and checks a response: status 200–599 (RFC 9110 section 15; 1xx is not for backends), header fields that HTTP
 * can carry. `body` is a Buffer that aliases `payload`. Throws {@link WireError}.
 */
export function decodeResponse(payload: Uint8Array): WireResponse {
  const reader = new MsgpackReader(payload);
  let version: number | undefined;
  let status: number | undefined;
  let headers: FlatHeaders | undefined;
  let body: Uint8Array | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text(responseKeys)) {
      case 'v':
        version = once('v', version, reader.integer());
        break;
      case 'status':
        status = once('status', status, reader.integer());
        break;
      case 'headers':
        headers = once('headers', headers, reader.nil() ? noHeaders : flatHeaders(reader));
        break;
      case 'body':
        body = once('body', body, reader.nil() ? empty : reader.binary());
        break;
      default:
        reader.skip();
    }
  }
  reader.end();
  checkVersion(version);
  if (status === undefined || status < 200 || status > 599)
    throw new WireError(`response status ${String(status)} is not within 200 to 599`);
  return { status, headers: headers === undefined ? noHeaders : checkFields(headers), body: body ?? empty };
}

/** A key that comes twice means one thing to readers that keep the first and another to those that keep the last. */
function once<T>(name: string, before: T | undefined, value: T): T {
  if (before !== undefined) throw new WireError(`the envelope holds "${name}" twice`);
  return value;
}

function checkVersion(version: number | undefined): void {
  if (version !== wireVersion) throw new WireError(`wire version ${String(version)} is not ${wireVersion}`);
}

function checkFields(headers: FlatHeaders): FlatHeaders {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!fieldName.test(name)) throw new WireError(`${JSON.stringify(name)} is not a header name`);
    if (!fieldValue.test(headers[i + 1] as string))
      throw new WireError(`header ${name} has a value that HTTP cannot carry`);
  }
  return headers;
}

function flatHeaders(reader: MsgpackReader): FlatHeaders {
  const size = reader.arraySize();
  if (size % 2 !== 0) throw new WireError('headers are not a list of names and values');
  if (size > 2 * mostFields) throw new WireError(`more than ${mostFields} header fields`);
  const headers: string[] = [];
  for (let i = 0; i < size; i += 2) headers.push(reader.text(commonFields), reader.text());
  return headers;
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

function readIdentity(reader: MsgpackReader): Identity {
  let subject: string | undefined;
  let kind: string | undefined;
  let roles: readonly string[] | undefined;
  let scopes: readonly string[] | undefined;
  let tenant: string | null | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text()) {
      case 'subject':
        subject = once('subject', subject, reader.text());
        break;
      case 'kind':
        kind = once('kind', kind, reader.text());
        break;
      case 'roles':
        roles = once('roles', roles, textList(reader));
        break;
      case 'scopes':
        scopes = once('scopes', scopes, textList(reader));
        break;
      case 'tenant':
        tenant = once('tenant', tenant, reader.nil() ? null : reader.text());
        break;
      default:
        reader.skip();
    }
  }
  if (subject === undefined || kind === undefined) throw new WireError('the identity lacks subject or kind');
  return { subject, kind, roles: roles ?? [], scopes: scopes ?? [], tenant: tenant ?? null };
}

function textList(reader: MsgpackReader): string[] {
  const size = reader.arraySize();
  if (size > mostGrants) throw new WireError(`more than ${mostGrants} roles or scopes`);
  const list: string[] = [];
  for (let i = 0; i < size; i++) list.push(reader.text());
  return list;
}
