import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseApiKey } from '@sluice/policy';
import { CommandError } from './command.ts';
import { userPath } from './user-path.ts';

/** Options that every command which talks to the control API takes. */
export const adminOptions = {
  gateway: { type: 'string' },
  'key-file': { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const adminHelp = `  --json            the answer of the control API as JSON
  --gateway URL     address of the gateway; else SLUICE_GATEWAY_URL
  --key-file FILE   file with an API key; else SLUICE_ADMIN_KEY, or the file that SLUICE_ADMIN_KEY_FILE names
  --data-dir DIR    data directory of a gateway started with npm start (default .sluice): it knows both

Exit codes: 0 done, 1 refused or not reached, 2 a wrong call.`;

export interface AdminValues {
  readonly gateway?: string | undefined;
  readonly 'key-file'?: string | undefined;
  readonly 'data-dir'?: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly etag: string;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface AdminCall {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses besides 2xx that the caller looks at itself. */
  readonly expect?: readonly number[];
}

const callMs = 30_000;
const defaultDataDir = '.sluice';

/** Calls the control API of one gateway with one key. Everything that goes wrong is a {@link CommandError}. */
export class AdminClient {
  readonly #gateway: URL;
  readonly #key: string;

  constructor(gateway: string, key: string) {
    this.#gateway = new URL(gateway);
    this.#key = key;
  }

  /** Finds gateway and key: what the command line says comes before the environment, and that before `.sluice`. */
  static async find(values: AdminValues, env: NodeJS.ProcessEnv): Promise<AdminClient> {
    const gateway = await findGateway(values, env);
    if (!URL.canParse(gateway) || !/^https?:/.test(gateway))
      throw new CommandError(`"${gateway}" is not the address of a gateway`, 2);
    return new AdminClient(gateway, await findKey(values, env));
  }

  async call(method: string, target: string, call: AdminCall = {}): Promise<AdminAnswer> {
    const url = new URL(target, this.#gateway);
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, value);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        headers: {
          'x-api-key': this.#key,
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(callMs),
      });
      text = await response.text();
    } catch (error) {
      throw new CommandError(`the gateway at ${this.#gateway.origin} cannot be reached: ${reason(error)}`);
    }
    if (!response.ok && !call.expect?.includes(response.status)) throw problem(response.status, text);
    return {
      status: response.status,
      etag: response.headers.get('etag') ?? '',
      text,
      get json() {
        return parse(text);
      },
    };
  }
}

async function findGateway(values: AdminValues, env: NodeJS.ProcessEnv): Promise<string> {
  if (values.gateway !== undefined) return values.gateway;
  const dataDir = values['data-dir'];
  if (dataDir === undefined && env['SLUICE_GATEWAY_URL']) return env['SLUICE_GATEWAY_URL'];
  const directory = dataDir === undefined ? defaultDataDir : userPath(dataDir);
  const file = path.join(directory, 'endpoints.json');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandError(
      `no gateway runs in ${directory} (${file} cannot be read): start one with npm start, or name one with --gateway`,
    );
  });
  const gateway = (JSON.parse(text) as { gateway?: unknown }).gateway;
  if (typeof gateway !== 'string') throw new CommandError(`${file} does not say where the gateway is`);
  return gateway;
}

async function findKey(values: AdminValues, env: NodeJS.ProcessEnv): Promise<string> {
  const dataDir = values['data-dir'];
  const named = values['key-file'];
  if (named === undefined && dataDir === undefined && env['SLUICE_ADMIN_KEY'])
    return checked(env['SLUICE_ADMIN_KEY'], 'SLUICE_ADMIN_KEY');
  const file =
    named !== undefined
      ? userPath(named)
      : dataDir === undefined && env['SLUICE_ADMIN_KEY_FILE']
        ? userPath(env['SLUICE_ADMIN_KEY_FILE'])
        : path.join(dataDir === undefined ? defaultDataDir : userPath(dataDir), 'admin-key');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(
      `no API key: ${file} cannot be read (${reason(error)}); set SLUICE_ADMIN_KEY or --key-file`,
    );
  });
  return checked(text, file);
}

/** A key that was mistyped is told here, where it is known what it came from. */
function checked(text: string, source: string): string {
  const key = text.trim();
  if (parseApiKey(key) === null) throw new CommandError(`${source} holds no API key, or a mistyped one`);
  return key;
}

function problem(status: number, text: string): CommandError {
  let detail = `the gateway answered ${status}`;
  try {
    const parsed = JSON.parse(text) as { detail?: string; errors?: { pointer: string; detail: string }[] };
    if (typeof parsed.detail === 'string') detail = parsed.detail;
    for (const error of parsed.errors ?? []) detail += `\n  ${error.pointer || '/'}: ${error.detail}`;
  } catch {
    // Not one of the gateway's own answers.
  }
  const advice =
    status === 401
      ? ' Is the key right, and is it still good?'
      : status === 403
        ? ' The key lacks the role.'
        : '';
  return new CommandError(detail + advice);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError('the gateway answered something that is no JSON');
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
