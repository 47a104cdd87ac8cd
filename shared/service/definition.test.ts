import { describe, expect, test } from 'vitest';
import { endpoint, reply, z } from './mod.ts';
import { routeMetadata } from './metadata.ts';
import { toResponse } from './reply.ts';

type Part = Partial<Parameters<typeof endpoint>[0]>;

const define = (part: Part) =>
  endpoint({ route: 'GET /v1/orders/{id}', summary: 's', handler: () => null, ...part });
const metadata = (part: Part) => routeMetadata('get', define(part), 'x.schema');

describe('the metadata of a route', () => {
  test('is empty for an endpoint without one', () => {
    expect(routeMetadata('get', endpoint({ summary: 's', handler: () => null }), 'x')).toEqual({});
  });

  test.each<[string, Part]>([
    ['no method', { route: '/v1/orders' }],
    ['a lower-case method', { route: 'get /v1/orders' }],
    ['a path that is no template', { route: 'GET /v1/{id' }],
    ['a path of the gateway itself', { route: 'GET /v1/stream' }],
    ['more than method and path', { route: 'GET /v1/orders now' }],
    ['a timeout without a unit', { timeout: '2' }],
    ['a timeout above five minutes', { timeout: '6m' }],
    ['a negative body limit', { bodyLimit: -1 }],
    ['an empty list of methods', { auth: [] }],
    ['a method that there is not', { auth: ['password'] as unknown as ['key'] }],
    ['roles for everybody', { auth: 'public', roles: ['clerk'] }],
    ['a scope with a comma', { auth: ['key'], scopes: ['a,b'] }],
    ['a limit that is no name', { limits: ['per minute'] }],
    ['a cost of nothing', { cost: 0 }],
    ['a cost in parts', { cost: 1.5 }],
    ['a media type that is none', { contentTypes: ['json'] }],
  ])('is refused with %s', (_name, part) => {
    expect(() => metadata(part)).toThrow(TypeError);
    expect(() => metadata(part)).toThrow(/endpoint "get"/);
  });

  test('is refused when the schema has a parameter that the path has not', () => {
    const wrong = endpoint({
      route: 'GET /v1/orders/{id}',
      summary: 's',
      params: z.object({ orderId: z.string() }),
      handler: () => null,
    });
    expect(() => routeMetadata('get', wrong, 'x')).toThrow('"orderId"');
  });
});

describe('a reply', () => {
  test.each([199, 600, 200.5, Number.NaN])('cannot have status %s', (status) => {
    expect(() => reply({ status })).toThrow(RangeError);
  });

  test.each([
    ['a b', 'x'],
    ['', 'x'],
    ['a', 'x\r\ny: z'],
    ['a', 'x\u0000'],
    ['a', '\u20ac'],
  ])('cannot have the field %j: %j', (name, value) => {
    expect(() => reply({ headers: { [name]: value } })).toThrow(TypeError);
  });

  test('of an endpoint has the status of its definition unless it has its own', () => {
    expect(toResponse({ a: 1 }, 202).status).toBe(202);
    expect(toResponse(undefined, 202)).toMatchObject({ status: 202, headers: [] });
    expect(toResponse(reply({ status: 418 }), 202).status).toBe(418);
    expect(toResponse(null, undefined)).toMatchObject({
      status: 200,
      headers: ['content-type', 'application/json'],
    });
  });
});

test('a handler is typed by the schemas beside it', () => {
  const defined = endpoint({
    route: 'POST /v1/orders/{id}',
    summary: 's',
    params: z.object({ id: z.coerce.number() }),
    body: z.object({ items: z.array(z.string()) }),
    handler: ({ params, body, query, headers }) => {
      const id: number = params.id;
      const items: string[] = body.items;
      const limit: string | string[] | undefined = query['limit'];
      const fields: readonly string[] = headers;
      // @ts-expect-error: the schema has no such parameter.
      const other: unknown = params.other;
      // @ts-expect-error: the schema made a number of it.
      const text: string = params.id;
      return { id, items, limit, fields, other, text };
    },
  });
  const call = { params: { id: 1 }, body: { items: ['a'] }, query: { limit: '2' }, headers: ['a', 'b'] };
  expect(defined.handler(call as never)).toEqual({
    id: 1,
    items: ['a'],
    limit: '2',
    fields: ['a', 'b'],
    other: undefined,
    text: 1,
  });
});
