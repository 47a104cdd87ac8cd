import type { Context, Row, Scenario, Section } from '../harness/context.ts';
import { startDriver } from '../harness/driver.ts';
import { collectedMemory, memoryHook } from '../harness/memory.ts';
import { startSluice } from '../harness/sluice.ts';
import { markdownTable } from '../harness/table.ts';
import type { WsDriver } from '../load/ws.ts';
import type { WsTarget } from '../load/ws-client.ts';

interface Holder {
  readonly name: string;
  readonly role: 'floor' | 'peer' | 'sluice';
  readonly pid: number;
  readonly memoryFile: string;
  readonly target: WsTarget;
  stop(): Promise<void>;
}

const kib = 1024;

/** Memory that an open WebSocket takes while nothing happens on it, subscribed to a channel that is quiet. */
export const idleMemory: Scenario = {
  name: 'idle-memory',
  async run(context): Promise<Section> {
    const count = context.quick ? 1000 : 5000;
    const rows: { holder: Holder; resident: number; heap: number; open: number }[] = [];
    for (const start of [prototype('fanout-bare', 'floor'), prototype('fanout-ws', 'peer'), sluice]) {
      const holder = await start(context);
      const driver = startDriver<WsDriver>('bench/load/ws.ts');
      try {
        // Code and pools of the first connections are not the price of the next ones.
        await driver.call('open', { group: 'warm', count: 200, ...holder.target });
        await driver.call('close', 'warm');
        const before = await collectedMemory(holder.pid, holder.memoryFile);
        await driver.call('open', { group: 'idle', count, ...holder.target });
        const after = await collectedMemory(holder.pid, holder.memoryFile);
        const { open } = await driver.call('counts', 'idle');
        if (open < count) throw new Error(`${holder.name}: only ${open} of ${count} connections are open`);
        rows.push({
          holder,
          open,
          resident: (after.resident - before.resident) / count,
          heap: (after.heap - before.heap) / count,
        });
      } finally {
        await driver.stop();
        await holder.stop();
      }
      context.say(`idle-memory: ${holder.name} done`);
    }
    const of = (role: Holder['role']): number => rows.find(({ holder }) => holder.role === role)!.resident;
    return {
      title: 'Memory of idle connections',
      method:
        `${count} WebSocket connections that do nothing (those of Sluice are subscribed to a quiet channel): growth of the ` +
        'resident set per connection, both measured after a full garbage collection. Buffers of the kernel are not in it.',
      rows: rows.map(
        ({ holder, resident }): Row => ({
          what: holder.name,
          value: resident / kib,
          unit: 'KiB/connection',
          floor: resident / of('floor'),
          peer: resident / of('peer'),
          ...(holder.role === 'sluice' ? { targets: [{ kind: 'at most', value: 25, of: 'value' }] } : {}),
        }),
      ),
      details: markdownTable(
        ['way', 'connections', 'live objects and buffers, KiB/connection'],
        rows.map(({ holder, open, heap }) => [holder.name, String(open), (heap / kib).toFixed(1)]),
      ),
    };
  },
};

const names = { floor: 'bare prototype', peer: 'ws' } as const;

function prototype(file: string, role: 'floor' | 'peer') {
  return async ({ processes, startNats, directory }: Context): Promise<Holder> => {
    const nats = await startNats();
    const { nodeOptions, env, file: memoryFile } = memoryHook(directory);
    const server = await processes.start(
      role,
      `bench/prototypes/${file}.ts`,
      { NATS_URL: nats.url, ...env },
      nodeOptions,
    );
    return {
      name: names[role],
      role,
      pid: server.pid,
      memoryFile,
      target: { port: Number(server.ready['port']), path: '/', protocol: 'plain' },
      stop: async () => {
        await server.stop();
        await nats.stop();
      },
    };
  };
}

async function sluice(context: Context): Promise<Holder> {
  const { nodeOptions, env, file } = memoryHook(context.directory);
  const stack = await startSluice(context, ['router', 'edge'], { env, nodeOptions: { edge: nodeOptions } });
  return {
    name: 'Sluice edge',
    role: 'sluice',
    pid: stack.worker('edge').pid,
    memoryFile: file,
    target: {
      port: Number(new URL(stack.gateway).port),
      path: '/v1/stream',
      protocol: 'sluice',
      channels: ['trades.QUIET'],
    },
    stop: () => stack.stop(),
  };
}
