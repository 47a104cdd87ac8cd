import { RawClient, startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

/** Frames that no decent client sends, byte by byte (RFC 6455 section 5). */
let nats: TestNats;
let edge: LiveEdge;
const limit = 4_096;
beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, { liveMaxMessage: limit });
});
afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await nats.stop();
});

const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await until(() => edge.live.connections === 0);
});

const fin = 0x80;
const rsv1 = 0x40;
const opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

/** A frame; masked with zeros, so that the payload is what it says. `announced` where the length lies. */
function frame(
  first: number,
  payload: Uint8Array | string = '',
  options: { announced?: bigint; mask?: boolean } = {},
): Buffer {
  const content = Buffer.from(payload as string);
  const length = options.announced ?? BigInt(content.length);
  const mask = options.mask === false ? 0 : 0x80;
  const head =
    length < 126n
      ? Buffer.from([first, mask | Number(length)])
      : length < 65_536n
        ? Buffer.from([first, mask | 126, Number(length >> 8n), Number(length & 255n)])
        : Buffer.concat([Buffer.from([first, mask | 127]), big(length)]);
  return Buffer.concat([head, mask === 0 ? Buffer.alloc(0) : Buffer.alloc(4), content]);
}

function big(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

async function open(
  fields = '',
  url = edge.url,
): Promise<{ client: RawClient; heard: () => string; field: (name: string) => string | undefined }> {
  const client = await RawClient.open(url.replace(/^ws/, 'http'));
  clients.push(client);
  client.send(
    `GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`,
  );
  const response = await client.response();
  expect(response.status).toBe(101);
  let text = '';
  client.socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  return { client, heard: () => text, field: (name) => response.header(name) };
}

/** Code of the close frame that the server ends with; null when it ends without one. */
async function closeCode(client: RawClient): Promise<number | null> {
  const bytes = await client.ended();
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = (bytes[at + 1] as number) & 127;
    const [size, head] = short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [short, 2];
    if (((bytes[at] as number) & 15) === opcode.close)
      return size >= 2 ? bytes.readUInt16BE(at + head) : 1005;
    at += head + size;
  }
  return null;
}

const ping = '{"id":1,"op":"ping"}';

describe('a frame that breaks the protocol ends the connection with a code', () => {
  it.each([
    ['a length beyond the limit', 1009, [frame(fin | opcode.text, '', { announced: BigInt(limit) + 1n })]],
    ['a length of a tebibyte', 1009, [frame(fin | opcode.text, '', { announced: 1n << 40n })]],
    ['a length that no number holds', 1009, [frame(fin | opcode.text, '', { announced: 1n << 62n })]],
    ['a length with the sign bit', 1009, [frame(fin | opcode.text, '', { announced: (1n << 63n) | 5n })]],
    [
      'fragments that are too much together',
      1009,
      [frame(opcode.text, 'x'.repeat(limit)), frame(fin | opcode.more, 'x')],
    ],
    [
      'thousands of fragments',
      1008,
      [frame(opcode.text, '"'), ...Array.from({ length: 2_000 }, () => frame(opcode.more, 'x'))],
    ],
    [
      'thousands of empty fragments',
      1008,
      [frame(opcode.text), ...Array.from({ length: 2_000 }, () => frame(opcode.more))],
    ],
    ['no mask', 1002, [frame(fin | opcode.text, ping, { mask: false })]],
    ['a compressed frame', 1002, [frame(fin | rsv1 | opcode.text, ping)]],
    ['a reserved bit', 1002, [frame(fin | 0x20 | opcode.text, ping)]],
    ['an unknown kind of data', 1002, [frame(fin | 3, ping)]],
    ['an unknown kind of control', 1002, [frame(fin | 11)]],
    ['a continuation of nothing', 1002, [frame(fin | opcode.more, ping)]],
    ['a message inside of another', 1002, [frame(opcode.text, '{'), frame(fin | opcode.text, ping)]],
    ['a ping that is too long', 1002, [frame(fin | opcode.ping, 'x'.repeat(126))]],
    ['a ping in fragments', 1002, [frame(opcode.ping, 'x')]],
    ['a close of one byte', 1002, [frame(fin | opcode.close, 'x')]],
    ['a close with a code that is none', 1002, [frame(fin | opcode.close, Buffer.from([3, 237]))]],
    ['a close whose reason is no text', 1007, [frame(fin | opcode.close, Buffer.from([3, 232, 0xff, 0xfe]))]],
    ['text that is none', 1007, [frame(fin | opcode.text, Buffer.from([0x22, 0xc0, 0xaf, 0x22]))]],
    [
      'text that is none, cut in the middle of a character',
      1007,
      [frame(opcode.text, Buffer.from([0x22, 0xe2])), frame(fin | opcode.more, '"')],
    ],
  ])('%s: %i, while others are served', async (_, code, frames) => {
    const { client: other, heard } = await open();
    const { client } = await open();
    client.send(Buffer.concat(frames));
    expect(await closeCode(client)).toBe(code);
    other.send(frame(fin | opcode.text, ping));
    await until(() => heard().includes('"ok":true'));
  });
});

describe('what is unusual but allowed', () => {
  it('is served: fragments with a ping between them, in pieces that end anywhere', async () => {
    const { client } = await open();
    const bytes = Buffer.concat([
      frame(opcode.text, ping.slice(0, 7)),
      frame(fin | opcode.ping, 'still here'),
      frame(opcode.more, ''),
      frame(fin | opcode.more, ping.slice(7)),
      frame(fin | opcode.close, Buffer.from([3, 232])),
    ]);
    client.socket.setNoDelay(true);
    for (const byte of bytes) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const text = (await client.ended()).toString('latin1');
    expect(text).toContain('still here');
    expect(text).toContain('"ok":true');
  });
});

describe('compression', () => {
  it('is not agreed on, whatever is offered: nothing a client sends can unpack to more', async () => {
    const { field } = await open('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n');
    expect(field('sec-websocket-extensions')).toBeUndefined();
  });
});

describe('a client that is slow', () => {
  it('with a frame that never ends is dropped by the heartbeat', async () => {
    await using hasty = await startLiveEdge(nats.url, { liveMaxMessage: limit, liveHeartbeatMs: 400 });
    const { client } = await open('', hasty.url);
    client.send(frame(fin | opcode.text, '{"id":1,', { announced: 4_000n }));
    let left = 3_900;
    // It keeps talking, a byte at a time, and answers no ping: in the middle of a frame it cannot.
    const timer = setInterval(() => left-- > 0 && client.send('x'), 20);
    await client.ended();
    clearInterval(timer);
    expect(left).toBeGreaterThan(0);
  });
});

it('the answer to a handshake has the id of its request', async () => {
  for (const id of ['one', 'two']) {
    const { field } = await open(`X-Request-Id: ${id}\r\n`);
    expect(field('x-request-id')).toBe(id);
  }
});
