import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childTrace, createRegistry, Gauge, parseTraceparent, startOpsServer } from './mod.ts';

describe('trace context', () => {
  const incoming = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('keeps the trace and flags, and names a new parent', () => {
    const outgoing = childTrace(incoming);
    expect(outgoing).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(outgoing).not.toBe(incoming);
  });

  test.each([
    undefined,
    '',
    'garbage',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    `${incoming}-more`,
  ])('starts a new trace instead of passing on %j', (value) => {
    expect(parseTraceparent(value)).toBeUndefined();
    expect(parseTraceparent(childTrace(value))).toBeDefined();
  });

  test('does not repeat ids when its pool of random bytes is used up', () => {
    const seen = new Set(Array.from({ length: 5000 }, () => childTrace(undefined)));
    expect(seen.size).toBe(5000);
  });
});

describe('the health and metrics server', () => {
  test('says whether the process is ready and why not', async () => {
    const registry = createRegistry('sample');
    new Gauge({ name: 'sample_size', help: 'Size.', registers: [registry] }).set(7);
    const missing: string[] = ['nats'];
    const ops = await startOpsServer({ host: '127.0.0.1', port: 0, registry, ready: () => missing });
    try {
      expect((await fetch(`${ops.url}/health/live`)).status).toBe(200);
      const before = await fetch(`${ops.url}/health/ready`);
      expect(before.status).toBe(503);
      expect(await before.json()).toEqual({ status: 'not ready', missing: ['nats'] });
      missing.length = 0;
      expect((await fetch(`${ops.url}/health/ready`)).status).toBe(200);
      const metrics = await (await fetch(`${ops.url}/metrics`)).text();
      expect(metrics).toContain('sample_size{service="sample"} 7');
      expect(metrics).toContain('process_cpu_seconds_total');
      for (const path of ['/metrics?x=1', '/health/ready?', '/health/live?t=1?2'])
        expect((await fetch(ops.url + path)).status, path).toBe(200);
      expect((await fetch(`${ops.url}/else`)).status).toBe(404);
      expect((await fetch(`${ops.url}/else?/metrics`)).status).toBe(404);
      expect((await fetch(`${ops.url}/metrics`, { method: 'POST' })).status).toBe(405);
    } finally {
      await ops.close();
    }
  });
});

describe('the logger', () => {
  test('writes records in order with other lines, complete, and keeps secrets out', async () => {
    const url = new URL('./mod.ts', import.meta.url).href;
    const script = `import { createLogger, recordWriter } from '${url}';
      const logger = createLogger({ service: 'sample', instance: '1', level: 'info' });
      const record = recordWriter(logger);
      logger.info({ password: 'hunter2', authorization: 'Bearer x', user: 'ann' }, 'first');
      for (let i = 0; i < 3000; i++) record('"n":' + i + ',"path":' + JSON.stringify('/a"b'), 'request');
      logger.info('last');`;
    const { stdout } = await new Promise<{ stdout: string }>((resolve, reject) => {
      execFile(
        process.execPath,
        ['--input-type=module', '-e', script],
        { maxBuffer: 1 << 24 },
        (error, out) => (error ? reject(error) : resolve({ stdout: out })),
      );
    });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(3002);
    expect(lines[0]).toMatchObject({ msg: 'first', user: 'ann' });
    expect(stdout).not.toMatch(/hunter2|Bearer/);
    expect(lines.slice(1, -1).map((line) => line['n'])).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    expect(lines[1]).toMatchObject({
      level: 'info',
      service: 'sample',
      instance: '1',
      path: '/a"b',
      msg: 'request',
    });
    expect(new Date(lines[1]?.['time'] as string).toISOString()).toBe(lines[1]?.['time']);
    expect(lines.at(-1)).toMatchObject({ msg: 'last' });
  });
});

describe('runService', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-run-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const script = async (name: string, body: string): Promise<string> => {
    const file = join(folder, name);
    const url = new URL('./mod.ts', import.meta.url).href;
    const head = `import { createLogger, runService } from '${url}';
      const logger = createLogger({ service: 'sample', instance: '1', level: 'info' });
      await runService(logger, async (starting) => { ${body} });`;
    await writeFile(file, head);
    return file;
  };

  /** Runs a script, sends SIGTERM as soon as it says that it is ready, and gives how it ended. */
  const terminated = async (
    file: string,
    options: readonly string[] = [],
  ): Promise<{ code: number; out: string }> => {
    const child = spawn(process.execPath, [...options, file]);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('"ready"') && !child.killed) child.kill('SIGTERM');
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, out };
  };

  test('a start that fails ends with one readable line and exit code 1', async () => {
    const file = await script('fails.ts', `throw new Error('no database at db:5432');`);
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
      execFile(process.execPath, [file], (error, out) => resolve({ code: error?.code, stdout: out }));
    });
    expect(code).toBe(1);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'fatal',
      service: 'sample',
      msg: 'no database at db:5432',
    });
  });

  test('SIGTERM runs the stop to its end', async () => {
    const file = await script(
      'stops.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush();
       return { stop: async () => { await new Promise((r) => setTimeout(r, 20)); logger.info('flushed'); } };`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(0);
    expect(out.indexOf('"flushed"')).toBeGreaterThan(-1);
    expect(out.indexOf('"stopped"')).toBeGreaterThan(out.indexOf('"flushed"'));
  });

  const preloaded = ['--require', new URL('./preload.cjs', import.meta.url).pathname];
  const signalled = 'data:text/javascript,process.kill(process.pid, "SIGTERM")';

  test('a signal that comes before the program has begun ends it with code 0, where the preload listens', async () => {
    const file = await script(
      'early.ts',
      `setInterval(() => {}, 1000);
       await new Promise((_, reject) => starting.addEventListener('abort', () => reject(starting.reason)));`,
    );
    const { code } = await terminated(file, [...preloaded, '--import', signalled]);
    expect(code).toBe(0);
  });

  test('after the preload, too, SIGTERM runs the stop to its end', async () => {
    const file = await script(
      'preloaded.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush();
       return { stop: async () => { await new Promise((r) => setTimeout(r, 20)); logger.info('flushed'); } };`,
    );
    const { code, out } = await terminated(file, preloaded);
    expect(code).toBe(0);
    expect(out).toContain('"flushed"');
  });

  test('a start that waits is told of a signal, and ends with code 0', async () => {
    const file = await script(
      'waits.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush();
       await new Promise((_, reject) => starting.addEventListener('abort', () => reject(starting.reason)));`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(0);
    expect(out).toContain('stopped before it had started');
    expect(out).not.toMatch(/"(warn|fatal)"/);
  });

  test('a start that does not heed a signal is left after a while, with code 0', async () => {
    const file = await script(
      'deaf.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush(); await new Promise(() => {});`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(0);
    expect(out).toContain('stopped before it had started');
  });

  test('a start that is over soon after a signal is stopped in order', async () => {
    const file = await script(
      'nearly.ts',
      `setInterval(() => {}, 1000); process.kill(process.pid, 'SIGTERM');
       await new Promise((resolve) => starting.addEventListener('abort', resolve));
       return { stop: async () => { logger.info('flushed'); } };`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(0);
    expect(out.indexOf('"stopped"')).toBeGreaterThan(out.indexOf('"flushed"'));
    expect(out).toContain('"flushed"');
  });

  test('a second signal ends a stop that hangs', async () => {
    const file = await script(
      'hangs.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush();
       return { stop: () => { process.kill(process.pid, 'SIGTERM'); return new Promise(() => {}); } };`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(1);
    expect(out).toContain('second signal');
  });

  test('a stop that takes longer than it may is ended', async () => {
    const file = await script(
      'late.ts',
      `setInterval(() => {}, 1000); logger.info('ready'); logger.flush();
       return { stopWithinMs: 50, stop: () => new Promise(() => {}) };`,
    );
    const { code, out } = await terminated(file);
    expect(code).toBe(1);
    expect(out).toContain('stop took too long');
  });
});
