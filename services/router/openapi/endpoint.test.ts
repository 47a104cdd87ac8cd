import type { BusMessage } from '@sluice/nats';
import { gatewaySchema } from '@sluice/policy';
import { plainRoute, type CompiledRoute, type RouteTable } from '@sluice/routes';
import { decodeResponse, encodeRequest } from '@sluice/wire';
import { expect, it } from 'vitest';
import { openApiHandler } from './endpoint.ts';
import type { SchemaStore } from './schema-store.ts';

const documentOf = (cookieName: string) =>
  gatewaySchema.parse({
    logins: {
      main: {
        issuer: 'https://idp.example',
        client_id: 'gateway',
        public_url: 'https://gateway.example',
        cookie_key: { env: 'COOKIE_KEY' },
        cookie_name: cookieName,
      },
    },
  });

const route: CompiledRoute = {
  ...plainRoute,
  id: 'orders.get',
  method: 'GET',
  path: '/v1/orders',
  origin: 'declared',
  service: null,
  subject: 'orders.get',
  encoding: 'raw',
  timeoutMs: 1_000,
  auth: ['session'],
};

const request = encodeRequest({
  method: 'GET',
  path: '/openapi.json',
  route: 'openapi',
  params: {},
  query: '',
  headers: [],
  body: new Uint8Array(0),
  identity: null,
  client: '127.0.0.1',
  id: 'r-1',
  deadline: Date.now() + 10_000,
  trace: '',
});

it('the API document is made again when the table, a schema or what people wrote has changed, and only then', async () => {
  let made = 0;
  let tableChanged = (): void => {};
  const table = {
    routes: () => ((made += 1), [route]),
    onChange: (listener: () => void) => ((tableChanged = listener), () => {}),
  } as unknown as RouteTable;
  const schemas = { version: 1, refresh: async () => {}, fragment: () => null };
  const document = { current: documentOf('shop_session') };
  const handler = openApiHandler({
    bus: { maxPayload: 1024 * 1024 } as never,
    table,
    schemas: schemas as unknown as SchemaStore,
    document,
    title: 'Shop',
    version: '1',
    report: (detail, error) => expect.fail(`${detail}: ${String(error)}`),
  });
  const cookie = async (): Promise<string> => {
    const answers: Uint8Array[] = [];
    const respond = (answer: Uint8Array): void => void answers.push(answer);
    await handler({ data: request, respond } as unknown as BusMessage);
    const { status, body } = decodeResponse(answers[0]!);
    expect(status).toBe(200);
    const { components } = JSON.parse(Buffer.from(body).toString()) as {
      components: { securitySchemes: { session: { name: string } } };
    };
    return components.securitySchemes.session.name;
  };
  expect([await cookie(), await cookie(), made]).toEqual(['shop_session', 'shop_session', 1]);
  document.current = documentOf('other_session');
  expect([await cookie(), made]).toEqual(['other_session', 2]);
  tableChanged();
  await cookie();
  schemas.version = 2;
  await cookie();
  expect([await cookie(), made]).toEqual(['other_session', 4]);
});
