import type { GatewayInput } from '@sluice/policy';
import { LiveClient, type ConnectOptions } from './client.ts';
import type { LiveEdge } from './edge.ts';

/** Channels of every kind: everybody's, each user's own, and those of a role. */
export const privateDocument: GatewayInput = {
  channels: [
    { match: 'open.>', auth: 'public' },
    { match: 'user.{subject}.>', auth: ['jwt', 'session'] },
    { match: 'desk.>', auth: ['jwt', 'key'], roles: ['trader'] },
  ],
};

/** Makes the tokens `alice` and `trader` good; the second has the role. */
export function addCallers({ authenticator }: LiveEdge): void {
  authenticator.add('alice', {});
  authenticator.add('trader', { identity: { roles: ['trader'] } });
}

export function connectTo(edge: LiveEdge, options: ConnectOptions = {}, query = ''): Promise<LiveClient> {
  return LiveClient.connect(`${edge.url}${query === '' ? '' : `?${query}`}`, options);
}

export function connectAs(edge: LiveEdge, token: string): Promise<LiveClient> {
  return connectTo(edge, { headers: { authorization: `Bearer ${token}` } });
}

/** Whether the client may subscribe, as it is told: `true`, or the code of the refusal. */
export async function may(client: LiveClient, channel: string): Promise<true | string> {
  const { ok, error } = await client.op('subscribe', { channels: [channel] });
  if (ok !== true) return error?.code ?? '';
  await client.op('unsubscribe', { channels: [channel] });
  return true;
}
