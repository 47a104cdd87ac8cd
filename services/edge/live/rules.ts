import type { GatewayDocument } from '@sluice/policy';
import { channelPermissions, type ChannelPermissions } from './permissions.ts';
import type { LiveConfig } from './settings.ts';

/** What the gateway document says about live connections, compiled; where it says nothing, the edge's settings. */
export interface LiveRules {
  readonly permissions: ChannelPermissions;
  readonly channels: number;
  /** Messages per second. */
  readonly messageRate: number;
  readonly connectionsPerAddress: number;
  readonly connectionsPerConsumer: number;
  /** Name of the query parameter that may hold a token; undefined: none may. */
  readonly queryToken: string | undefined;
}

export function liveRules({ channels, live }: GatewayDocument, config: LiveConfig): LiveRules {
  return {
    permissions: channelPermissions(channels),
    channels: live.channels ?? config.liveChannels,
    messageRate: live.messages_per_second ?? config.liveMessageRate,
    connectionsPerAddress: live.connections_per_address ?? config.liveConnectionsPerAddress,
    connectionsPerConsumer: live.connections_per_consumer,
    queryToken: live.query_token,
  };
}
