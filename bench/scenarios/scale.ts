import { randomBytes } from 'node:crypto';
import type { Bus } from '@sluice/nats';
import { openBucket } from '@sluice/nats';
import {
  consumerEntryKey,
  consumersBucket,
  encodeConsumer,
  encodeKey,
  keyEntryKey,
  makeApiKey,
  type GatewayInput,
} from '@sluice/policy';
import { until } from '@sluice/testing';
import type { Context, Scenario, Section } from '../harness/context.ts';
import { startDriver } from '../harness/driver.ts';
import { keyOf, storeDocument, withBus } from '../harness/gateway.ts';
import {
  costOf,
  httpDetails,
  httpDetailsHead,
  httpLoadText,
  measureHttp,
  type HttpRound,
  type HttpTarget,
} from '../harness/http-cost.ts';
import { collectedMemory, memoryHook } from '../harness/memory.ts';
import { startSluice } from '../harness/sluice.ts';
import { markdownTable } from '../harness/table.ts';
import type { HttpDriver, HttpRequest } from '../load/http.ts';
import { orderBody } from '../prototypes/answer.ts';

interface Size {
  readonly keys: number;
  readonly routes: number;
  /** Keys that call; the others are only there. */
  readonly callers: number;
}

/** A gateway of some size, running. */
interface Site extends HttpTarget {
  readonly size: Size;
  /** How long its keys, and its routes, took until all of them were in use, seconds. */
  readonly filledIn: { readonly keys: number; readonly routes: number };
  memory(): Promise<number>;
  stop(): Promise<void>;
}

const keysPerConsumer = 10;
/** Messages that wait for their acknowledgement while the bucket is filled. */
const inFlight = 2_000;
const mib = 1024 ** 2;

/** What a request costs, and an edge weighs, with very many API keys and routes beside ten of each. */
export const scale: Scenario = {
  name: 'scale',
  async run(context): Promise<Section> {
    const large: Size = context.quick
      ? { keys: 20_000, routes: 1_000, callers: 5_000 }
      : { keys: 1_000_000, routes: 10_000, callers: 20_000 };
    const seconds = context.quick ? 1 : 2.5;
    const rounds = context.quick ? 2 : 9;
    const few = await startSite(context, 'ten API keys, ten routes', { keys: 10, routes: 10, callers: 10 });
    const many = await startSite(
      context,
      `${count(large.keys)} API keys, ${count(large.routes)} routes`,
      large,
    );
    const driver = startDriver<HttpDriver>('bench/load/http.ts');
    const results = new Map<Site, HttpRound[]>([
      [few, []],
      [many, []],
    ]);
    const weights = new Map<Site, number>();
    try {
      // Long enough for every caller to have come by on every one of its routes.
      for (const site of results.keys()) await measureHttp(driver, site, orderBody, context.quick ? 2 : 12);
      for (let round = 0; round < rounds; round += 1) {
        const order = round % 2 === 0 ? [few, many] : [many, few];
        for (const site of order)
          results.get(site)!.push(await measureHttp(driver, site, orderBody, seconds));
        context.say(`scale: round ${round + 1} of ${rounds}`);
      }
      for (const site of results.keys()) weights.set(site, await site.memory());
    } finally {
      await driver.stop();
      for (const site of results.keys()) await site.stop();
    }
    const [cost, base] = [costOf(results.get(many)!), costOf(results.get(few)!)];
    return {
      title: 'Many API keys and routes',
      method:
        `GET with an API key on declared routes; ${httpLoadText}, ${rounds} interleaved rounds of ${seconds} s, median. The ` +
        `keys are in KV \`consumers\`, ${keysPerConsumer} to a consumer; ${count(large.callers)} of the ` +
        `${count(large.keys)} call, evenly, over all ${count(large.routes)} routes, and the edge keeps 50,000 at hand (its ` +
        'default). Memory is the resident set of the edge after the rounds and a full garbage collection.',
      rows: [
        { what: few.name, value: base, unit: 'µs CPU/request', floor: 1 },
        {
          what: many.name,
          value: cost,
          unit: 'µs CPU/request',
          floor: cost / base,
          targets: [{ kind: 'at most', value: 1.15, of: 'floor' }],
        },
        ...[...weights].map(([{ name }, bytes]) => ({
          what: `memory of the edge: ${name}`,
          value: bytes / mib,
          unit: 'MiB',
          floor: bytes / weights.get(few)!,
        })),
      ],
      details: [
        markdownTable(
          httpDetailsHead,
          [...results].map(([site, all]) => httpDetails(site, all)),
        ),
        markdownTable(
          ['way', 'API keys stored', 'document applied until its last route answers'],
          [...results.keys()].map(({ name, filledIn }) => [
            name,
            `${filledIn.keys.toFixed(1)} s`,
            `${filledIn.routes.toFixed(1)} s`,
          ]),
        ),
      ].join('\n\n'),
    };
  },
};

async function startSite(context: Context, name: string, size: Size): Promise<Site> {
  const hook = memoryHook(context.directory);
  let texts: string[] = [];
  let keysSeconds = 0;
  const prepare = (natsUrl: string): Promise<void> =>
    withBus(natsUrl, async (bus) => {
      const started = performance.now();
      texts = await fill(bus, size);
      keysSeconds = (performance.now() - started) / 1_000;
    });
  const stack = await startSluice(context, ['router', 'edge'], {
    env: hook.env,
    nodeOptions: { edge: hook.nodeOptions },
    prepare,
  });
  const backend = await context.processes.start('backend', 'bench/prototypes/sluice-backend.ts', {
    NATS_URL: stack.natsUrl,
  });
  const started = performance.now();
  await withBus(stack.natsUrl, (bus) => storeDocument(bus, documentOf(size.routes)));
  const headers = { 'x-api-key': texts[0]! };
  await until(async () => (await fetch(stack.gateway + pathOf(size.routes - 1), { headers })).ok, {
    timeoutMs: 120_000,
    message: 'the last route is live',
  });
  const filledIn = { keys: keysSeconds, routes: (performance.now() - started) / 1_000 };
  context.say(
    `scale: ${name}: keys in ${filledIn.keys.toFixed(1)} s, routes in ${filledIn.routes.toFixed(1)} s`,
  );
  const edge = stack.worker('edge');
  return {
    name,
    size,
    filledIn,
    port: Number(new URL(stack.gateway).port),
    requests: requestsOf(texts, size.routes),
    processes: [...stack.processes, backend],
    memory: async () => (await collectedMemory(edge.pid, hook.file)).resident,
    stop: async () => {
      await backend.stop();
      await stack.stop();
    },
  };
}

/** Stores consumers and keys as the control API does, many at a time; gives the texts of the keys that call, spread over all of them. */
async function fill(bus: Bus, { keys, callers }: Size): Promise<string[]> {
  const bucket = await openBucket(bus, { name: consumersBucket });
  const texts: string[] = [];
  const every = keys / callers;
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < keys) {
      const number = next++;
      const consumer = `consumer-${Math.floor(number / keysPerConsumer)}`;
      if (number % keysPerConsumer === 0)
        await bucket.put(
          consumerEntryKey(consumer),
          encodeConsumer({
            id: consumer,
            roles: ['reader'],
            scopes: [],
            limits: [],
            quotas: [],
            disabled: false,
          }),
        );
      const key = number % every === 0 ? makeApiKey() : unusedKey(number);
      if ('text' in key) texts.push(key.text);
      await bucket.put(keyEntryKey(key.id), encodeKey(keyOf(key.id, consumer, key.hash)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, keys) }, writer));
  return texts;
}

/** An entry like any other, to a secret that nobody knows. */
function unusedKey(number: number): { id: string; hash: string } {
  return { id: number.toString(36).padStart(12, 'x'), hash: randomBytes(32).toString('base64url') };
}

function documentOf(routes: number): GatewayInput {
  return {
    roles: { reader: {} },
    routes: Array.from({ length: routes }, (_, i) => ({
      id: `things-${i}`,
      path: `${pathOf(i).slice(0, -'42'.length)}{id}`,
      subject: 'orders.get',
      encoding: 'msgpack',
      auth: ['key' as const],
      roles: ['reader'],
    })),
  };
}

function pathOf(route: number): string {
  return `/v1/area-${Math.floor(route / 100)}/things-${route % 100}/42`;
}

/** As many as there are callers; a step without a common divisor takes each caller to another route. */
function requestsOf(texts: readonly string[], routes: number): HttpRequest[] {
  return texts.map((text, i) => ({ path: pathOf((i * 7_919) % routes), headers: { 'x-api-key': text } }));
}

function count(value: number): string {
  return value.toLocaleString('en');
}
