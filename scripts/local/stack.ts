import path from 'node:path';
import { DataDirectory } from './data-dir.ts';
import { checkDatabase } from './database-check.ts';
import { endpointsOf } from './endpoints.ts';
import { freePort, isFree } from './free-port.ts';
import { startKeeper, type Keeper } from './keeper-client.ts';
import { firstKey, type FirstKey } from './first-key.ts';
import { endLeftovers, type ProcessList } from './leftovers.ts';
import { chartPlan } from './live-chart.ts';
import { localDatabase } from './local-database.ts';
import { localNats } from './local-nats.ts';
import type { LogView } from './log-view.ts';
import { checkNats, natsAccessFrom, type NatsAccess } from './nats-check.ts';
import type { NatsPasswords } from './nats-accounts.ts';
import { natsServerPath, natsVersion } from './nats-server.ts';
import type { StartOptions } from './options.ts';
import { servicePlan, type ServiceReady } from './service-process.ts';
import { ranks, stopInOrder, type StackProcess } from './stop-order.ts';
import { Supervised, type SupervisorHooks } from './supervised.ts';
import { UserError } from './user-error.ts';

/** One process of each; an order by name is an order on the screen, they start together. */
const serviceNames = ['admin', 'broadcaster', 'edge', 'marketdata', 'ratelimit', 'router'] as const;

/** What one rank of the stop order gets before it is killed: longer than a service's own limit, so that it may say why. */
const graceMs = 35_000;

/** A request body of the default limit, 1 MiB, in its envelope. */
const leastPayload = 1024 * 1024 + 64 * 1024;

interface RunningNats {
  /** What people connect with. */
  readonly access: NatsAccess;
  /** By user; undefined for a server that is not ours. */
  readonly passwords: NatsPasswords | undefined;
  readonly server: Supervised<void> | undefined;
}

/** The embedded stack: servers, services, feed, and the files that describe them. */
export class LocalStack {
  readonly #options: StartOptions;
  readonly #view: LogView;
  readonly #env: NodeJS.ProcessEnv;
  readonly #dataDir: DataDirectory;
  readonly #aborted = new AbortController();
  readonly #supervised: Supervised<unknown>[] = [];
  readonly #services: Supervised<ServiceReady>[] = [];
  readonly #hooks: SupervisorHooks;
  #opened = false;
  #running = false;
  #hurried = false;
  #keeper: Keeper | undefined;
  #nats: RunningNats | undefined;
  #database: { url: string; server: Supervised<void> | undefined } | undefined;
  #gateway = '';
  #firstKey: FirstKey | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: StartOptions, view: LogView, env: NodeJS.ProcessEnv) {
    this.#options = options;
    this.#view = view;
    this.#env = env;
    this.#dataDir = new DataDirectory(options.dataDir);
    this.#hooks = { changed: () => this.#changed(), say: (...said) => view.say(...said) };
  }

  get gateway(): string {
    return this.#gateway;
  }

  /** What gateway and chart listen on. */
  get #host(): string {
    return this.#env['SLUICE_HTTP_HOST'] || '127.0.0.1';
  }

  /** The first credential of the control API. */
  get firstKey(): FirstKey {
    return this.#firstKey!;
  }

  get dataDir(): DataDirectory {
    return this.#dataDir;
  }

  get natsAccess(): NatsAccess {
    return this.#nats!.access;
  }

  /** Everything but the feed. Throws {@link UserError} for what the user can mend. */
  async start(): Promise<void> {
    await this.#dataDir.open();
    this.#opened = true;
    await endLeftovers(this.#dataDir, this.#say);
    const port = await this.#takePort();
    if (this.#env['NATS_URL']) await this.#checkNats();
    if (this.#env['DATABASE_URL']) await checkDatabase(this.#env['DATABASE_URL']);
    if (this.#options.reset) {
      await this.#dataDir.wipe();
      this.#say('old data deleted');
    }
    this.#keeper = startKeeper();
    this.#firstKey = await firstKey(this.#dataDir, this.#env);
    [this.#nats, this.#database] = await Promise.all([this.#startNats(), this.#startDatabase()]);
    await this.#startServices(port);
    this.#running = true;
    this.#changed();
    await this.#writing;
  }

  /** Starts a feed; one that `finishes` ends by itself when everything is published. */
  async startFeed(feed: { entry: string; args: readonly string[]; finishes: boolean }): Promise<void> {
    const plan = servicePlan({
      ...feed,
      name: 'feed',
      rank: ranks.feed,
      env: this.#natsEnvironment('feed'),
      onLine: (line) => this.#view.raw('feed', line),
    });
    await this.#supervise(new Supervised(plan, this.#hooks)).start();
  }

  /** Starts the page with live candles. Gives its address. */
  async startChart(): Promise<string> {
    const plan = await chartPlan({
      gateway: this.#gateway,
      host: this.#host,
      port: this.#options.chartPort,
      onLine: (line) => this.#view.raw('chart', line),
    });
    const { chart = '' } = await this.#supervise(new Supervised(plan, this.#hooks)).start();
    return chart;
  }

  /** Ends everything in order, and removes what only a running stack has. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#aborted.abort();
    for (const supervised of this.#supervised) supervised.expectEnd();
    // Twice: a start that is interrupted may have been about to spawn one more.
    for (let round = 0; round < 2; round += 1) {
      await stopInOrder(this.#processes(), {
        graceMs,
        hurried: () => this.#hurried,
        onKilled: ({ name }) => this.#view.say(name, 'warn', 'did not end in time and was killed'),
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#keeper?.dismiss();
    await this.#writing.catch(() => {});
    if (this.#opened) await this.#dataDir.close();
  }

  /** Ends what is left at once. */
  hurry(): void {
    this.#hurried = true;
  }

  readonly #say = (text: string): void => this.#view.say('start', 'info', text);

  async #takePort(): Promise<number> {
    const { port, chartPort } = this.#options;
    if (chartPort !== undefined) await this.#refuseTaken(chartPort, '--chart-port');
    if (port === 0) return freePort(this.#host);
    await this.#refuseTaken(port, '--port');
    return port;
  }

  async #refuseTaken(port: number, option: string): Promise<void> {
    if (!(await isFree(port, this.#host)))
      throw new UserError(
        `port ${port} on ${this.#host} is taken or not allowed: choose another one with ${option}`,
      );
  }

  async #checkNats(): Promise<void> {
    const { maxPayload } = await checkNats(natsAccessFrom(this.#env));
    if (maxPayload < leastPayload)
      this.#view.say(
        'start',
        'warn',
        `that NATS server takes ${maxPayload} bytes in one message: larger bodies are refused, max_payload 8MB is better`,
      );
  }

  async #startNats(): Promise<RunningNats> {
    if (this.#env['NATS_URL']) {
      const access = natsAccessFrom(this.#env);
      this.#say(`NATS at ${access.url}, as NATS_URL says`);
      return { access, passwords: undefined, server: undefined };
    }
    const program = await natsServerPath({
      progress: this.#say,
      env: this.#env,
      signal: this.#aborted.signal,
    });
    const credentials = await this.#dataDir.credentials();
    const { plan, url } = await localNats({
      program,
      dataDir: this.#dataDir,
      credentials,
      onLine: (level, text) => this.#view.say('nats', level, text),
    });
    const server = this.#supervise(new Supervised(plan, this.#hooks));
    await server.start();
    this.#say(`nats-server ${await natsVersion(program)} on ${url}`);
    const passwords = credentials.natsPasswords;
    return { access: { url, user: 'operator', password: passwords['operator'] }, passwords, server };
  }

  async #startDatabase(): Promise<{ url: string; server: Supervised<void> | undefined }> {
    const external = this.#env['DATABASE_URL'];
    if (external) {
      this.#say(`database at ${new URL(external).host}, as DATABASE_URL says`);
      return { url: external, server: undefined };
    }
    const { plan, url, version } = await localDatabase({
      dataDir: this.#dataDir,
      credentials: await this.#dataDir.credentials(),
      progress: this.#say,
      onLine: (level, text) => this.#view.say('postgres', level, text),
      signal: this.#aborted.signal,
    });
    const server = this.#supervise(new Supervised(plan, this.#hooks));
    await server.start();
    this.#say(`PostgreSQL ${version} on ${new URL(url).host}`);
    return { url, server };
  }

  async #startServices(port: number): Promise<void> {
    const document = this.#env['SLUICE_GATEWAY_FILE'];
    const env = {
      DATABASE_URL: this.#database!.url,
      SLUICE_HTTP_PORT: String(port),
      // One value cannot suit several processes on one machine.
      SLUICE_OPS_PORT: '0',
      ...(document ? { SLUICE_GATEWAY_FILE: path.resolve(this.#env['INIT_CWD'] ?? '', document) } : {}),
    };
    this.#say(`starting ${serviceNames.join(', ')}`);
    const starting = serviceNames.map((name) => {
      const plan = servicePlan({
        name,
        entry: `services/${name}/main.ts`,
        rank: name === 'edge' ? ranks.edge : ranks.worker,
        env: { ...env, ...this.#natsEnvironment(name), ...(name === 'admin' ? this.firstKey.env : {}) },
        onLine: (line) => this.#view.raw(name, line),
      });
      const service = this.#supervise(new Supervised(plan, this.#hooks));
      this.#services.push(service);
      return service.start();
    });
    const ready = await Promise.all(starting);
    this.#gateway = ready.find((service) => service.gateway !== undefined)?.gateway ?? '';
  }

  /** A NATS server of somebody else has the users that NATS_URL names; ours has one for each process. */
  #natsEnvironment(name: string): Record<string, string> {
    const { access, passwords } = this.#nats!;
    const own = passwords === undefined ? access : { user: name, password: passwords[name] };
    return { NATS_URL: access.url, NATS_USER: own.user ?? '', NATS_PASSWORD: own.password ?? '' };
  }

  #supervise<T>(supervised: Supervised<T>): Supervised<T> {
    if (this.#aborted.signal.aborted) supervised.expectEnd();
    this.#supervised.push(supervised);
    return supervised;
  }

  #processes(): StackProcess[] {
    return this.#supervised.flatMap(({ process }) => (process === undefined ? [] : [process]));
  }

  /** Tells the keeper at once, and the files one after another: the newest state is always the last one written. */
  #changed(): void {
    const processes = this.#processes();
    this.#keeper?.update(processes);
    const list: ProcessList = { keeper: this.#keeper?.identity, processes };
    this.#writing = this.#writing
      .then(async () => {
        await this.#dataDir.writeJson('processes.json', list);
        if (this.#running) await this.#dataDir.writeJson('endpoints.json', this.#endpoints());
      })
      .catch((error: unknown) =>
        this.#view.say('start', 'warn', `cannot write to the data directory: ${String(error)}`),
      );
  }

  #endpoints(): ReturnType<typeof endpointsOf> {
    return endpointsOf({
      gateway: this.#gateway,
      nats: this.#nats!.access,
      natsProcess: this.#nats!.server?.process,
      databaseUrl: this.#database!.url,
      databaseProcess: this.#database!.server?.process,
      services: this.#services.map((service) => ({
        name: service.name,
        process: service.process,
        ops: service.ready?.ops,
      })),
    });
  }
}
