import type { GatewayInput } from '@sluice/policy';
import { startTokenIssuer, testAudience, until } from '@sluice/testing';
import type { Context } from '../harness/context.ts';
import { storeDocument, storeKeys, withBus } from '../harness/gateway.ts';
import { startSluice } from '../harness/sluice.ts';
import type { HttpRequest } from '../load/http.ts';
import { orderBody } from '../prototypes/answer.ts';
import type { HttpContender } from './http-contenders.ts';

const path = '/v1/checked/orders/42?detail=full&limit=10';
const clients = Array.from({ length: 10 }, (_, i) => `client-${i}`);
const blocks = 10_000;

const targets = [
  { kind: 'at most', value: 1.6, of: 'floor' },
  { kind: 'at most', value: 0.7, of: 'peer' },
] as const;

/** One stack with everything on that a request can pass, called with API keys and with tokens. */
export async function allOn(context: Context): Promise<HttpContender[]> {
  const issuer = await startTokenIssuer('benchmark');
  const stack = await startSluice(context, ['router', 'ratelimit', 'edge']);
  const backend = await context.processes.start('backend', 'bench/prototypes/sluice-backend.ts', {
    NATS_URL: stack.natsUrl,
  });
  const keys = await withBus(stack.natsUrl, async (bus) => {
    await storeDocument(bus, documentOf(issuer));
    return storeKeys(bus, clients);
  });
  const withKeys = keys.map((key): HttpRequest => ({ path, headers: { 'x-api-key': key } }));
  const exp = Math.floor(Date.now() / 1_000) + 86_400;
  const withTokens = clients.map((sub): HttpRequest => {
    const token = issuer.token({ sub, exp, roles: ['reader'], client: sub });
    return { path, headers: { authorization: `Bearer ${token}` } };
  });
  for (const request of [...withKeys, ...withTokens]) await everythingIsOn(stack.gateway, request);
  const common = {
    role: 'row',
    targets,
    port: Number(new URL(stack.gateway).port),
    processes: [...stack.processes, backend],
  } as const;
  return [
    {
      ...common,
      name: 'Sluice, all on: API key, address rules, two limits, validation',
      requests: withKeys,
      stop: async () => {
        await backend.stop();
        await stack.stop();
        await issuer[Symbol.asyncDispose]();
      },
    },
    {
      ...common,
      name: 'Sluice, all on: cached JSON Web Token, address rules, two limits, validation',
      requests: withTokens,
      stop: async () => {},
    },
  ];
}

function documentOf(issuer: { readonly issuer: string; readonly jwksUrl: string }): GatewayInput {
  return {
    roles: { reader: {} },
    consumers: clients.map((id) => ({ id, roles: ['reader'] })),
    issuers: {
      benchmark: {
        issuer: issuer.issuer,
        audience: [testAudience],
        jwks: { url: issuer.jwksUrl },
        consumer_claim: 'client',
      },
    },
    // Far above what a machine can do: what is measured is asking, not refusing.
    limits: {
      caller: { limit: 100_000_000, window: '1m', key: ['consumer'] },
      address: { limit: 100_000_000, window: '10s', key: ['address'] },
    },
    addresses: { lists: { refused: refusedBlocks() }, deny: ['refused'] },
    routes: [
      {
        id: 'orders-checked',
        path: '/v1/checked/orders/{id}',
        subject: 'orders.get',
        encoding: 'msgpack',
        auth: ['key', 'jwt'],
        roles: ['reader'],
        limits: ['caller', 'address'],
        schema: {
          params: { type: 'object', properties: { id: { type: 'integer', minimum: 1 } } },
          query: {
            type: 'object',
            properties: {
              detail: { enum: ['full', 'short'] },
              limit: { type: 'integer', minimum: 1, maximum: 1_000 },
            },
            additionalProperties: false,
          },
        },
      },
    ],
  };
}

/** Blocks that do not touch each other and hold neither this machine's address nor anything reserved. */
function refusedBlocks(): string[] {
  return Array.from(
    { length: blocks },
    (_, i) => `${20 + Math.floor(i / 5_000)}.${Math.floor(i / 20) % 250}.${(i % 20) * 2}.0/24`,
  );
}

/** A benchmark of features that are off by mistake would be a good one. */
async function everythingIsOn(gateway: string, { path, headers = {} }: HttpRequest): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(gateway + path, { headers });
      const limits = answer.headers.get('ratelimit') ?? '';
      return (
        (await answer.text()) === orderBody && limits.includes('"caller"') && limits.includes('"address"')
      );
    },
    { message: 'the route is live, limits included' },
  );
  const anonymous = await fetch(gateway + path);
  const invalid = await fetch(`${gateway}${path}&more=1`, { headers });
  if (anonymous.status !== 401 || invalid.status !== 400)
    throw new Error(`credentials or validation are off: ${anonymous.status}, ${invalid.status}`);
}
