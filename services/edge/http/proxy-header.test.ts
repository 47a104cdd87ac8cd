import { describe, expect, it } from 'vitest';
import { readProxyHeader } from './proxy-header.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2; `address` as hex, `length` only where it lies. */
function version2(command: number, family: number, address: string, length?: number): Buffer {
  const content = Buffer.from(address.replaceAll(' ', ''), 'hex');
  const head = Buffer.from([command, family, 0, 0]);
  head.writeUInt16BE(length ?? content.length, 2);
  return Buffer.concat([signature, head, content]);
}

const v4 = 'c0000201 cb007107 d431 01bb';
const v6 = '20010db8000000000000000000000001 20010db8000000000000000000000002 d431 01bb';

describe('a PROXY header', () => {
  it.each([
    ['TCP4', Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.7 54321 443\r\n'), '192.0.2.1'],
    ['TCP6', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 54321 443\r\n'), '2001:db8::1'],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), null],
    ['UNKNOWN with addresses', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n'), null],
    ['binary IPv4', version2(0x21, 0x11, v4), '192.0.2.1'],
    ['binary IPv4 with more behind the addresses', version2(0x21, 0x11, `${v4} 04 0003 000000`), '192.0.2.1'],
    ['binary IPv6', version2(0x21, 0x21, v6), '2001:db8:0:0:0:0:0:1'],
    ['binary LOCAL', version2(0x20, 0x00, ''), null],
    ['binary LOCAL with addresses', version2(0x20, 0x11, v4), null],
    ['binary UNSPEC', version2(0x21, 0x00, ''), null],
    ['binary UNSPEC with something', version2(0x21, 0x00, 'ffff'), null],
    ['binary Unix socket', version2(0x21, 0x31, '00'.repeat(216)), null],
    ['binary UDP', version2(0x21, 0x12, v4), '192.0.2.1'],
  ])('%s: in one piece, followed by something, and byte by byte', (_, header, source) => {
    const whole = { kind: 'header', source, length: header.length };
    expect(readProxyHeader(header)).toEqual(whole);
    expect(readProxyHeader(Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\n')]))).toEqual(whole);
    for (let length = 0; length < header.length; length++)
      expect([length, readProxyHeader(header.subarray(0, length)).kind]).toEqual([length, 'more']);
  });

  it.each([
    ['no header', 'GET / HTTP/1.1\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00'],
    ['lower case', 'proxy TCP4'],
    ['a line feed alone', 'PROXY TCP4 192.0.2.1 203.0.113.7 1 2\n'],
    ['another protocol', 'PROXY UDP4 192.0.2.1 203.0.113.7 1 2\r\n'],
    ['two spaces', 'PROXY TCP4  192.0.2.1 203.0.113.7 1 2\r\n'],
    ['something behind it', 'PROXY TCP4 192.0.2.1 203.0.113.7 1 2 3\r\n'],
    ['a port with a zero in front', 'PROXY TCP4 192.0.2.1 203.0.113.7 01 2\r\n'],
    ['a port too high', 'PROXY TCP4 192.0.2.1 203.0.113.7 1 65536\r\n'],
    ['no ports', 'PROXY TCP4 192.0.2.1 203.0.113.7\r\n'],
    ['IPv6 as TCP4', 'PROXY TCP4 ::1 ::2 1 2\r\n'],
    ['IPv4 as TCP6', 'PROXY TCP6 192.0.2.1 203.0.113.7 1 2\r\n'],
    ['a name', 'PROXY TCP4 localhost 203.0.113.7 1 2\r\n'],
    ['UNKNOWN grown together', 'PROXY UNKNOWNX\r\n'],
    ['a line without an end', `PROXY TCP4 ${'1'.repeat(200)}`],
    ['a line that ends too late', `PROXY UNKNOWN ${'1'.repeat(200)}\r\n`],
  ])('%s is none', (_, text) => {
    expect(readProxyHeader(Buffer.from(text, 'latin1'))).toEqual({ kind: 'bad' });
  });

  it.each([
    ['version 1 in the binary form', version2(0x11, 0x11, v4)],
    ['version 3', version2(0x31, 0x11, v4)],
    ['an unknown command', version2(0x22, 0x11, v4)],
    ['an unknown family', version2(0x21, 0x41, v4)],
    ['an unknown transport', version2(0x21, 0x13, v4)],
    ['IPv4 that is too short', version2(0x21, 0x11, v4.slice(0, -2))],
    ['IPv6 that is too short', version2(0x21, 0x21, v4)],
    ['a Unix socket that is too short', version2(0x21, 0x31, v4)],
    ['64 KiB announced', version2(0x21, 0x11, v4, 65_535)],
    ['a signature that ends wrong', Buffer.from('\r\n\r\n\0\r\nQUIT\r', 'latin1')],
  ])('binary with %s is none', (_, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'bad' });
  });
});
