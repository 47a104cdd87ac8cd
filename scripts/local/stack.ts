import path from 'node:path';
import { DataDirectory } from './data-dir.ts';
import { certifiedAddress, edgeCertificate } from './edge-certificate.ts';
import { endpointsOf, type Endpoints } from './endpoints.ts';
import { firstKey, type FirstKey } from './first-key.ts';
import { gatewayPort } from './gateway-port.ts';
import { startKeeper, type Keeper } from './keeper-client.ts';
import { endLeftovers, type ProcessList } from './leftovers.ts';
import { chartPlan } from './live-chart.ts';
import type { LogView } from './log-view.ts';
import type { NatsAccess } from './nats-check.ts';
import type { StartOptions } from './options.ts';
import { servicePlan, type ServiceReady } from './service-process.ts';
import { checkStackDatabase, startStackDatabase, type StackDatabase } from './stack-database.ts';
import { checkStackNats, natsEnvironment, startStackNats, type StackNats } from './stack-nats.ts';
import { StackProcesses } from './stack-processes.ts';
import { ranks } from './stop-order.ts';
import type { Supervised } from './supervised.ts';

/** One process of each; an order by name is an order on the screen, they start together. */
const serviceNames = ['admin', 'broadcaster', 'edge', 'marketdata', 'ratelimit', 'router'] as const;

/** Variables of the user's shell that PostgreSQL's clients read: they are about other databases than the embedded one. */
const ofPostgresClients = /^PG[A-Z]/;

/** The embedded stack: servers, services, feed, and the files that describe them. */
export class LocalStack {
  readonly #options: StartOptions;
  readonly #view: LogView;
  readonly #env: NodeJS.ProcessEnv;
  readonly #dataDir: DataDirectory;
  readonly #aborted = new AbortController();
  readonly #processes: StackProcesses;
  readonly #services: Supervised<ServiceReady>[] = [];
  #opened = false;
  #running = false;
  #keeper: Keeper | undefined;
  #nats: StackNats | undefined;
  #database: StackDatabase | undefined;
  #gateway = '';
  #firstKey: FirstKey | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: StartOptions, view: LogView, env: NodeJS.ProcessEnv) {
    this.#options = options;
    this.#view = view;
    this.#env = env;
    this.#dataDir = new DataDirectory(options.dataDir);
    this.#processes = new StackProcesses({
      view,
      onChange: () => this.#changed(),
      signal: this.#aborted.signal,
    });
  }

  get gateway(): string {
    return this.#gateway;
  }

  /** What the gateway's clients have to trust; undefined where it speaks plain HTTP. */
  get certificateFile(): string | undefined {
    return edgeCertificate(this.#env).file;
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
    const port = await gatewayPort(this.#options, this.#host);
    await checkStackNats(this.#env, this.#view);
    await checkStackDatabase(this.#env);
    if (this.#options.reset) {
      await this.#dataDir.wipe();
      this.#say('old data deleted');
    }
    // Before the servers, which both need them, and whose files are taken for a stack's own because of them.
    await this.#dataDir.credentials();
    this.#keeper = startKeeper();
    this.#firstKey = await firstKey(this.#dataDir, this.#env);
    await this.#startServers();
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
      env: natsEnvironment(this.#nats!, 'feed'),
      onLine: (line) => this.#view.raw('feed', line),
    });
    await this.#processes.supervise(plan).start();
  }

  /** Starts the page with live candles. Gives its address. */
  async startChart(): Promise<string> {
    const plan = await chartPlan({
      gateway: this.#gateway,
      certificateFile: this.certificateFile,
      host: this.#host,
      port: this.#options.chartPort,
      onLine: (line) => this.#view.raw('chart', line),
    });
    const { chart = '' } = await this.#processes.supervise(plan).start();
    return chart;
  }

  /** Ends everything in order, and removes what only a running stack has. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#aborted.abort();
    await this.#processes.stop();
    await this.#keeper?.dismiss();
    await this.#writing.catch(() => {});
    if (this.#opened) await this.#dataDir.close();
  }

  /** Ends what is left at once. */
  hurry(): void {
    this.#processes.hurry();
  }

  readonly #say = (text: string): void => this.#view.say('start', 'info', text);

  async #startServers(): Promise<void> {
    const options = {
      env: this.#env,
      dataDir: this.#dataDir,
      processes: this.#processes,
      view: this.#view,
      signal: this.#aborted.signal,
    };
    [this.#nats, this.#database] = await Promise.all([startStackNats(options), startStackDatabase(options)]);
  }

  async #startServices(port: number): Promise<void> {
    const document = this.#env['SLUICE_GATEWAY_FILE'];
    const env = {
      DATABASE_URL: this.#database!.url,
      SLUICE_HTTP_PORT: String(port),
      // One value cannot suit several processes on one machine.
      SLUICE_OPS_PORT: '0',
      ...edgeCertificate(this.#env).env,
      ...(document ? { SLUICE_GATEWAY_FILE: path.resolve(this.#env['INIT_CWD'] ?? '', document) } : {}),
    };
    this.#say(`starting ${serviceNames.join(', ')}`);
    const starting = serviceNames.map((name) => {
      const plan = servicePlan({
        name,
        without: this.#env['DATABASE_URL'] ? undefined : ofPostgresClients,
        entry: `services/${name}/main.ts`,
        rank: name === 'edge' ? ranks.edge : ranks.worker,
        env: {
          ...env,
          ...natsEnvironment(this.#nats!, name),
          ...(name === 'admin' ? this.firstKey.env : {}),
        },
        onLine: (line) => this.#view.raw(name, line),
      });
      const service = this.#processes.supervise(plan);
      this.#services.push(service);
      return service.start();
    });
    const ready = await Promise.all(starting);
    const gateway = ready.find((service) => service.gateway !== undefined)?.gateway ?? '';
    this.#gateway = certifiedAddress(gateway, this.certificateFile);
  }

  /** Tells the keeper at once, and the files one after another: the newest state is always the last one written. */
  #changed(): void {
    const processes = this.#processes.running;
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

  #endpoints(): Endpoints {
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
