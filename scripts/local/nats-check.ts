import { connectBus, isBusError } from '@sluice/nats';
import { UserError } from './user-error.ts';

/** Where NATS is and how to log in; what services get as NATS_URL, NATS_USER and NATS_PASSWORD. */
export interface NatsAccess {
  readonly url: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Reads NATS_URL; a user and password inside it are taken out, because services take them apart from the address. */
export function natsAccessFrom(env: NodeJS.ProcessEnv): NatsAccess {
  let user = env['NATS_USER'];
  let password = env['NATS_PASSWORD'];
  const servers = (env['NATS_URL'] ?? '').split(',').map((server) => {
    const match = /^([a-z]+:\/\/)?(?:([^:@/]*)(?::([^@/]*))?@)?(.+)$/.exec(server.trim());
    if (match === null) throw new UserError('NATS_URL is not of the form nats://host:4222');
    const [, scheme = 'nats://', urlUser, urlPassword, rest = ''] = match;
    if (urlUser !== undefined) user = decodeURIComponent(urlUser);
    if (urlPassword !== undefined) password = decodeURIComponent(urlPassword);
    return `${scheme}${rest}`;
  });
  return { url: servers.join(','), user: user || undefined, password: password || undefined };
}

/**
 * Logs in once: the server must answer and be new enough. Answers its version and the bytes it takes in one message.
 * Throws {@link UserError}.
 */
export async function checkNats(access: NatsAccess): Promise<{ version: string; maxPayload: number }> {
  try {
    const bus = await connectBus({
      servers: access.url.split(','),
      name: 'sluice start',
      waitMs: 3_000,
      ...(access.user === undefined ? {} : { user: access.user }),
      ...(access.password === undefined ? {} : { password: access.password }),
    });
    const facts = { version: bus.serverVersion, maxPayload: bus.maxPayload };
    await bus.close();
    return facts;
  } catch (error) {
    throw new UserError(
      isBusError(error) ? error.message : `cannot use NATS at ${access.url}: ${String(error)}`,
    );
  }
}
