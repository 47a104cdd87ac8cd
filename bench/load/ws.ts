import { serveDriver } from '../harness/driver.ts';
import { openClient, type WsClient, type WsTarget } from './ws-client.ts';

export interface WsOpen extends WsTarget {
  /** Names the clients in later orders. */
  readonly group: string;
  readonly count: number;
}

export interface WsCounts {
  readonly frames: number;
  readonly payloadBytes: number;
  /** Clients that are still connected. */
  readonly open: number;
  /** Messages whose `prev` was not the sequence before, as the first client of the group saw them. */
  readonly gaps: number;
}

interface Group {
  readonly clients: WsClient[];
  gaps: number;
  ended: string | undefined;
}

const groups = new Map<string, Group>();

function groupOf(name: string): Group {
  const group = groups.get(name);
  if (!group) throw new Error(`no group ${name}`);
  return group;
}

/** Opens the clients, fifty at a time, as a server's accept queue likes it. */
async function open({ group: name, count, ...target }: WsOpen): Promise<void> {
  const group: Group = { clients: [], gaps: 0, ended: undefined };
  groups.set(name, group);
  while (group.clients.length < count) {
    const batch = Math.min(50, count - group.clients.length);
    const opened = await Promise.all(
      Array.from({ length: batch }, () => openClient(target, (reason) => (group.ended = reason))),
    );
    group.clients.push(...opened);
  }
  if (target.protocol === 'sluice' && target.channels !== undefined) watchSequence(group);
}

/** The first client follows the sequence as a real one would. */
function watchSequence(group: Group): void {
  let last: number | undefined;
  group.clients[0]!.onText = (text) => {
    const { seq, prev } = JSON.parse(text) as { seq?: number; prev?: number };
    if (seq === undefined) return;
    if (last !== undefined && prev !== last) group.gaps += 1;
    last = seq;
  };
}

/** Starts counting anew. */
function reset(name: string): void {
  const group = groupOf(name);
  group.gaps = 0;
  for (const client of group.clients) {
    client.frames = 0;
    client.payloadBytes = 0;
  }
}

function counts(name: string): WsCounts {
  const { clients, gaps } = groupOf(name);
  let frames = 0;
  let payloadBytes = 0;
  let open = 0;
  for (const client of clients) {
    frames += client.frames;
    payloadBytes += client.payloadBytes;
    if (client.open) open += 1;
  }
  return { frames, payloadBytes, open, gaps };
}

function close(name: string): void {
  for (const client of groupOf(name).clients) client.close();
  groups.delete(name);
}

const commands = { open, reset, counts, close };
export type WsDriver = typeof commands;
serveDriver(commands);
