import path from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from './user-error.ts';

/** What `npm start` was asked to do. */
export interface StartOptions {
  readonly help: boolean;
  readonly port: number;
  readonly dataDir: string;
  readonly reset: boolean;
  /** A trades file to replay instead of the simulated market. */
  readonly replay: string | undefined;
  /** Times real time, or as fast as it goes. */
  readonly speed: number | 'max';
  readonly venue: string;
  readonly feed: boolean;
  readonly chart: boolean;
  /** Where the live chart is; without it beside the gateway, or on any port when that one is taken. */
  readonly chartPort: number | undefined;
  readonly verbose: boolean;
}

export const helpText = `npm start -- [options]

Starts Sluice on this machine: a NATS server, a PostgreSQL, every service as its own process, and a market feed.
Ctrl-C stops everything; the data stays for the next start.

Options
  --port N          port of the gateway (default 8080; 0 takes a free one)
  --data-dir DIR    where data is kept (default .sluice)
  --reset           delete that data first
  --replay FILE     replay trades from a CSV file instead of the simulated market;
                    columns ts_ms,symbol,trade_id,price,size,side, in any order, more are ignored
  --speed N|max     speed of the replay: times real time (default 1), or as fast as it goes
  --venue NAME      venue of the replayed trades (default binance)
  --no-feed         no market feed
  --chart-port N    port of the live chart (default the gateway's plus one, or a free one)
  --no-chart        no live chart
  --verbose         also show access records and the servers' own logs
  --help            this text

Environment
  NATS_URL          use this NATS server (2.12 or newer, JetStream on) instead of a local one;
                    user and password in the URL, or in NATS_USER and NATS_PASSWORD
  DATABASE_URL      use this PostgreSQL or TimescaleDB instead of the embedded one
  SLUICE_ADMIN_KEY  first key of the control API instead of one that is made; or SLUICE_ADMIN_KEY_FILE
  SLUICE_HTTP_HOST  address that gateway and chart listen on (default 127.0.0.1)
  Every other setting of docs/configuration.md is handed on to the services.

While it runs, <data dir>/endpoints.json tells scripts where everything is.
`;

/**
 * Reads the command line. Relative paths count from where the user is, which under npm is not the current directory.
 * Throws {@link UserError} with one sentence.
 */
export function parseStartOptions(args: readonly string[], env: NodeJS.ProcessEnv): StartOptions {
  const values = parse(args);
  const base = (env['npm_lifecycle_event'] === undefined ? undefined : env['INIT_CWD']) ?? process.cwd();
  const replay = values.replay === undefined ? undefined : path.resolve(base, values.replay);
  if (values.speed !== undefined && replay === undefined)
    throw new UserError('--speed sets the pace of a replay: it needs --replay FILE');
  if (values['no-feed'] === true && replay !== undefined)
    throw new UserError('--replay and --no-feed exclude each other');
  const chartPort = values['chart-port'];
  if (chartPort !== undefined && values['no-chart'] === true)
    throw new UserError('--chart-port and --no-chart exclude each other');
  const project = path.resolve(import.meta.dirname, '../..');
  if (values.replay === '') throw new UserError('--replay needs the name of a file');
  const dataDir = values['data-dir'];
  if (dataDir === '') throw new UserError('--data-dir needs the name of a directory');
  return {
    help: values.help === true,
    port: portFrom('--port', values.port ?? '8080'),
    dataDir: dataDir === undefined ? path.join(project, '.sluice') : path.resolve(base, dataDir),
    reset: values.reset === true,
    replay,
    speed: speedFrom(values.speed ?? '1'),
    venue: venueFrom(values.venue ?? 'binance'),
    feed: values['no-feed'] !== true,
    chart: values['no-chart'] !== true,
    chartPort: chartPort === undefined ? undefined : portFrom('--chart-port', chartPort),
    verbose: values.verbose === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        'data-dir': { type: 'string' },
        reset: { type: 'boolean' },
        replay: { type: 'string' },
        speed: { type: 'string' },
        venue: { type: 'string' },
        'no-feed': { type: 'boolean' },
        'chart-port': { type: 'string' },
        'no-chart': { type: 'boolean' },
        verbose: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // Node's own messages name the option; what they add after a full stop is advice for other cases.
    const reason = (error as Error).message.split('. ')[0]!.replace(/\.$/, '').replaceAll('\n', ' ');
    throw new UserError(`${reason}: npm start -- --help lists the options`);
  }
}

function portFrom(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new UserError(`${option} ${text}: a port is a number from 0 to 65535`);
  return port;
}

function speedFrom(text: string): number | 'max' {
  if (text === 'max') return 'max';
  const speed = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !(speed > 0))
    throw new UserError(`--speed ${text}: a speed is a number above 0, or max`);
  return speed;
}

function venueFrom(text: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(text))
    throw new UserError(`--venue ${text}: a venue is 1 to 32 of a–z, 0–9, "_" and "-"`);
  return text;
}
