import { execFile } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UserError } from './user-error.ts';

/** How long a database may take to answer, milliseconds. */
const patience = 5_000;

/** Logs in with the client library, which only the service's store may import: hence a program of its own. */
const loginProgram = fileURLToPath(new URL('../../services/marketdata/check-database.ts', import.meta.url));

/**
 * Asks whether a PostgreSQL answers at a connection string and lets us in, before anything is started. First by hand,
 * with a start-up message and any answer of the protocol to it: that tells silence and strangers apart. Then by logging in.
 * Throws {@link UserError}.
 */
export async function checkDatabase(text: string): Promise<void> {
  const url = parse(text);
  const shown = `${url.hostname || url.searchParams.get('host') || 'localhost'}:${url.port || '5432'}`;
  try {
    await greet(url);
  } catch (error) {
    throw new UserError(`cannot reach the database of DATABASE_URL at ${shown}: ${(error as Error).message}`);
  }
  const refusal = await logIn(text);
  if (refusal !== '')
    throw new UserError(`the database of DATABASE_URL at ${shown} does not let us in: ${refusal}`);
}

/** Empty, or why not. */
async function logIn(text: string): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, [loginProgram], {
      env: { ...process.env, DATABASE_URL: text },
      timeout: 3 * patience,
    });
    return '';
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return stderr?.trim().split('\n').at(-1) || 'no answer to the login';
  }
}

function parse(text: string): URL {
  try {
    const url = new URL(text);
    if (/^postgres(ql)?:$/.test(url.protocol)) return url;
  } catch {
    // Said below, without the text: it may hold a password.
  }
  throw new UserError('DATABASE_URL is not of the form postgres://user:password@host:5432/database');
}

function greet(url: URL): Promise<void> {
  const port = Number(url.port || 5432);
  const folder = url.searchParams.get('host');
  const socket: Socket = folder?.startsWith('/')
    ? connect(`${folder}/.s.PGSQL.${port}`)
    : connect(port, url.hostname.replace(/^\[|\]$/g, '') || folder || 'localhost');
  return new Promise<void>((resolve, reject) => {
    socket.setTimeout(patience, () => reject(new Error(`no answer within ${patience / 1000} s`)));
    socket.once('error', (error) => reject(new Error(reasonOf(error))));
    socket.once('close', () => reject(new Error('the connection was closed without an answer')));
    socket.once('connect', () => socket.write(startupMessage(url)));
    socket.once('data', (data: Buffer) => {
      // R: asks for a password or lets us in. E: an error, from a PostgreSQL all the same. v: protocol version.
      if (['R', 'E', 'v'].includes(String.fromCharCode(data[0] ?? 0))) resolve();
      else reject(new Error('something that is not PostgreSQL answers there'));
    });
  }).finally(() => socket.destroy());
}

/** PostgreSQL protocol 3.0, message formats: StartupMessage. */
function startupMessage(url: URL): Buffer {
  const user = decodeURIComponent(url.username) || 'postgres';
  const body = Buffer.from(`user\0${user}\0database\0${url.pathname.slice(1) || user}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(0x0003_0000, 4);
  return Buffer.concat([head, body]);
}

/** A name with several addresses fails with one error per address and an empty message of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError ? (error.errors[0] as Error).message : error.message;
}
