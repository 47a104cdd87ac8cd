import { connectBus, isBusError, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endpoint, SluiceError, startMicroService, startService, type MicroEndpoint } from './mod.ts';
import { adr32Faults, type Verb } from './testing/adr32.ts';
import { call } from './testing/gateway.ts';

let nats: TestNats;
let bus: Bus;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'micro test' });
});
afterAll(async () => {
  // One test leaves a handler that hangs for ever.
  await bus?.close(100);
  await nats?.stop();
});

const echo: MicroEndpoint = {
  name: 'echo',
  subject: 'echo',
  handle: (message) => message.respond(message.data),
};
const soon = (): { deadline: number } => ({ deadline: Date.now() + 5_000 });

describe('discovery', () => {
  const verbs: Verb[] = ['PING', 'INFO', 'STATS'];

  test.each(verbs)('answers %s for all, for a name and for an instance, as ADR-32 wants it', async (verb) => {
    const options = { name: 'disco', version: '1.0.0-rc.1+build.5', description: 'Is found' };
    await using stack = await started([
      {
        ...options,
        metadata: { team: 'a' },
        endpoints: [{ ...echo, metadata: { 'sluice.route': 'GET /e' } }],
      },
      { ...options, endpoints: [echo] },
      { name: 'empty', version: '0.0.1', description: 'Has no endpoints', endpoints: [] },
    ]);
    const [first, second, other] = stack.services;
    const ask = async (subject: string): Promise<Record<string, unknown>[]> => {
      const answers = await bus.requestMany(subject, '', { waitMs: 150 });
      return answers.map((answer) => answer.json() as Record<string, unknown>);
    };
    const all = await ask(`$SRV.${verb}`);
    const named = await ask(`$SRV.${verb}.disco`);
    const one = await ask(`$SRV.${verb}.disco.${first!.id}`);
    const ids = (replies: Record<string, unknown>[]): Set<unknown> => new Set(replies.map(({ id }) => id));
    expect(ids(all)).toEqual(new Set([first!.id, second!.id, other!.id]));
    expect(ids(named)).toEqual(new Set([first!.id, second!.id]));
    expect(one).toHaveLength(1);
    expect(one[0]).toMatchObject({ name: 'disco', id: first!.id, metadata: { team: 'a' } });
    for (const document of [...all, ...named, ...one]) expect(adr32Faults(verb, document)).toEqual([]);
  });

  test('shows subject, queue group and metadata of endpoints, defaults included', async () => {
    await using stack = await started([
      {
        name: 'shown',
        version: '1.0.0',
        description: 'd',
        endpoints: [echo, { ...echo, name: 'own', subject: 'own', queue: 'special', metadata: { a: 'b' } }],
      },
    ]);
    expect(stack.services[0]!.info.endpoints).toEqual([
      { name: 'echo', subject: 'echo', queue_group: 'q', metadata: {} },
      { name: 'own', subject: 'own', queue_group: 'special', metadata: { a: 'b' } },
    ]);
  });

  test('announces routes of the SDK with their policies', async () => {
    const service = await startService(bus, {
      name: 'announced',
      version: '1.0.0',
      description: 'd',
      endpoints: {
        get: endpoint({
          route: 'GET /v1/things/{id}',
          summary: 'A thing',
          auth: ['key', 'jwt'],
          roles: ['clerk'],
          scopes: ['things:read', 'things:list'],
          limits: ['burst'],
          cost: 5,
          cors: 'shop',
          contentTypes: ['application/json', 'image/*'],
          timeout: '1500ms',
          bodyLimit: 2048,
          handler: () => null,
        }),
      },
    });
    expect(service.info.endpoints[0]).toEqual({
      name: 'get',
      subject: 'announced.get',
      queue_group: 'q',
      metadata: {
        'sluice.route': 'GET /v1/things/{id}',
        'sluice.encoding': 'msgpack',
        'sluice.schema': 'sluice.schema.announced.get',
        'sluice.summary': 'A thing',
        'sluice.auth': 'key,jwt',
        'sluice.roles': 'clerk',
        'sluice.scopes': 'things:read,things:list',
        'sluice.rate': 'burst',
        'sluice.cost': '5',
        'sluice.cors': 'shop',
        'sluice.content_types': 'application/json,image/*',
        'sluice.timeout': '1500ms',
        'sluice.body_limit': '2048',
      },
    });
    await service.stop();
  });
});

describe('statistics', () => {
  test('count requests, errors and whole nanoseconds, and start again after reset', async () => {
    await using stack = await started([
      {
        name: 'counted',
        version: '1.0.0',
        description: 'd',
        endpoints: [
          {
            ...echo,
            handle: async (message, stats) => {
              const text = message.text();
              if (text === 'throw') throw new Error('broken\r\nbadly');
              if (text === 'refuse') throw new SluiceError('conflict', 'No.');
              if (text === 'answered') stats.failed(418, 'teapot');
              message.respond('');
            },
          },
        ],
      },
    ]);
    const service = stack.services[0]!;
    const ask = (text: string) => bus.request('echo', text, soon());
    const stats = () => service.stats().endpoints[0]!;
    await Promise.all([ask('a'), ask('b')]);
    expect(stats()).toMatchObject({ num_requests: 2, num_errors: 0, last_error: '' });
    const thrown = await ask('throw');
    expect(thrown.header('Nats-Service-Error-Code')).toBe('500');
    expect(thrown.text()).not.toContain('broken');
    expect(stats().last_error).toContain('broken');
    expect((await ask('refuse')).header('Nats-Service-Error')).toBe('No.');
    expect(stats()).toMatchObject({ num_requests: 4, num_errors: 2, last_error: '409:No.' });
    await ask('answered');
    await until(() => stats().num_errors === 3, { message: 'the error was counted' });
    expect(stats().last_error).toBe('418:teapot');
    expect(stats().processing_time).toBeGreaterThan(0);
    expect(Number.isInteger(stats().processing_time)).toBe(true);
    expect(stats().average_processing_time).toBe(Math.trunc(stats().processing_time / 5));
    service.reset();
    expect(stats()).toMatchObject({
      num_requests: 0,
      num_errors: 0,
      last_error: '',
      average_processing_time: 0,
    });
  });
});

test('a message that a consumer of JetStream delivers to an endpoint is no request', async () => {
  const heard: string[] = [];
  const target: MicroEndpoint = {
    ...echo,
    subject: 'forged.target',
    handle: ({ subject }) => void heard.push(subject),
  };
  await using stack = await started([
    { name: 'target', version: '1.0.0', description: 'd', endpoints: [target] },
  ]);
  const api = async (call: string, body: object): Promise<unknown> =>
    (await bus.request(`$JS.API.${call}`, JSON.stringify(body), soon())).json();
  await api('STREAM.CREATE.FORGED', { name: 'FORGED', subjects: ['forged.source'], storage: 'memory' });
  const delivered = Promise.withResolvers<void>();
  const spy = bus.subscribe('forged.target', ({ subject }) => {
    if (subject === 'forged.source') delivered.resolve();
  });
  const config = { name: 'c', deliver_subject: 'forged.target', ack_policy: 'none' };
  await api('CONSUMER.CREATE.FORGED.c', { stream_name: 'FORGED', config });
  bus.publish('forged.source', 'x');
  await delivered.promise;
  bus.publish('forged.target', 'x');
  await until(() => heard.length > 0);
  expect(heard).toEqual(['forged.target']);
  expect(stack.services[0]!.stats().endpoints[0]).toMatchObject({ num_requests: 1, num_errors: 0 });
  spy.unsubscribe();
});

test('a request is handled by one instance', async () => {
  let handled = 0;
  const handle: MicroEndpoint['handle'] = (message) => {
    handled++;
    message.respond('');
  };
  const options = { name: 'grouped', version: '1.0.0', description: 'd' };
  const endpoints = [{ ...echo, subject: 'grouped', handle }];
  await using stack = await started(Array.from({ length: 3 }, () => ({ ...options, endpoints })));
  for (let n = 0; n < 30; n++) await bus.request('grouped', '', soon());
  await bus.flush();
  expect([stack.services.length, handled]).toEqual([3, 30]);
});

describe('stopping', () => {
  test('under load loses no request: other instances take over at once', async () => {
    const options = { name: 'shared', version: '1.0.0', description: 'd' };
    const served = [0, 0, 0];
    const instances = await Promise.all(
      served.map(async (_, index) => {
        const own = await connectBus({ servers: [nats.url], name: `instance ${index}` });
        const service = await startService(own, {
          ...options,
          endpoints: {
            work: endpoint({
              route: 'GET /v1/work',
              summary: 'Takes a moment',
              handler: async () => {
                served[index]!++;
                await new Promise((resolve) => setTimeout(resolve, 3));
                return { index };
              },
            }),
          },
        });
        return { own, service };
      }),
    );
    const load = { on: true };
    const statuses = new Map<number, number>();
    const client = async (): Promise<void> => {
      while (load.on) {
        const { status } = await call(bus, 'shared.work');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    for (const { own, service } of instances.slice(0, 2)) {
      const before = [...statuses.values()].reduce((sum, n) => sum + n, 0);
      await until(() => (statuses.get(200) ?? 0) >= before + 100, { message: 'requests are answered' });
      await service.stop();
      await own.close();
    }
    const before = statuses.get(200) ?? 0;
    await until(() => (statuses.get(200) ?? 0) >= before + 100, { message: 'the last instance answers' });
    load.on = false;
    await clients;
    expect([...statuses.keys()]).toEqual([200]);
    expect(Math.min(...served)).toBeGreaterThan(0);
    await instances[2]!.service.stop();
    await instances[2]!.own.close();
  });

  test('answers what was already received, then is gone from discovery and its subjects', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let entered = 0;
    await using stack = await started([
      {
        name: 'leaving',
        version: '1.0.0',
        description: 'd',
        endpoints: [
          {
            ...echo,
            handle: async (message) => {
              entered++;
              await gate;
              message.respond('late');
            },
          },
        ],
      },
    ]);
    const service = stack.services[0]!;
    const waiting = Promise.all(Array.from({ length: 10 }, () => bus.request('echo', '', soon())));
    await until(() => entered === 10, { message: 'all are being handled' });
    let stopped = false;
    void service.stopped.then(() => (stopped = true));
    const stopping = service.stop();
    await until(
      () =>
        bus.request('echo', '', { deadline: Date.now() + 100 }).then(
          () => false,
          (error: unknown) => isBusError(error, 'no_responders'),
        ),
      { message: 'nobody listens any more' },
    );
    expect(await bus.requestMany('$SRV.PING.leaving', '', { waitMs: 100 })).toEqual([]);
    expect(stopped).toBe(false);
    open();
    expect((await waiting).map((answer) => answer.text())).toEqual(Array.from({ length: 10 }, () => 'late'));
    await stopping;
    expect(stopped).toBe(true);
    await service.stop();
  });

  test('does not wait for ever for a handler that hangs', async () => {
    await using stack = await started([
      {
        name: 'hanging',
        version: '1.0.0',
        description: 'd',
        endpoints: [{ ...echo, handle: () => new Promise<void>(() => {}) }],
      },
    ]);
    const lost = bus.request('echo', '', { deadline: Date.now() + 100 }).catch((error: unknown) => error);
    await until(() => stack.services[0]!.stats().endpoints[0]!.num_requests === 1);
    await stack.services[0]!.stop(50);
    expect(isBusError(await lost, 'timeout')).toBe(true);
  });
});

describe('a definition that cannot work is refused at the start', () => {
  const base = { name: 'bad', version: '1.0.0', description: 'd', endpoints: [echo] };
  test.each([
    ['name', { ...base, name: 'a.b' }],
    ['version', { ...base, version: '1.0' }],
    ['description', { ...base, description: ' ' }],
    ['endpoint name', { ...base, endpoints: [{ ...echo, name: 'a b' }] }],
    ['subject with a wildcard', { ...base, endpoints: [{ ...echo, subject: 'a.*' }] }],
    ['subject of the server', { ...base, endpoints: [{ ...echo, subject: '$SRV.PING' }] }],
    ['two endpoints of one name', { ...base, endpoints: [echo, { ...echo, subject: 'other' }] }],
  ])('%s', async (_name, options) => {
    await expect(startMicroService(bus, options)).rejects.toThrow(TypeError);
  });
});

async function started(
  options: Parameters<typeof startMicroService>[1][],
): Promise<{ services: Awaited<ReturnType<typeof startMicroService>>[] } & AsyncDisposable> {
  const services = await Promise.all(options.map((each) => startMicroService(bus, each)));
  return {
    services,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(services.map((service) => service.stop(1_000)));
    },
  };
}
