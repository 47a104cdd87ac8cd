import { ConfigError } from '@sluice/config';
import { describe, expect, it } from 'vitest';
import { clientAddress } from './client-address.ts';

describe('the client of a request', () => {
  it('is the peer where no proxy is trusted', () => {
    expect(clientAddress('')('9.9.9.9', '1.1.1.1')).toBe('9.9.9.9');
  });

  const address = clientAddress('10.0.0.0/8, 192.0.2.7, fd00::/8');
  it.each([
    ['9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['10.1.2.3', null, '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '6.6.6.6, 1.1.1.1, 10.9.9.9, 192.0.2.7', '1.1.1.1'],
    ['10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1, 010.0.0.1', '10.1.2.3'],
    ['10.1.2.3', '1.1.1.1,10.0.0.1:443', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['fd00::1', '2001:DB8::0:1', '2001:db8::1'],
    ['10.1.2.3', '::ffff:1.1.1.1', '1.1.1.1'],
    ['10.1.2.3', '8.8.8.8, ::ffff:10.0.0.1', '8.8.8.8'],
  ])('peer %s, X-Forwarded-For %j: %s', (peer, forwardedFor, client) => {
    expect(address(peer, forwardedFor)).toBe(client);
  });

  it.each(['10.0.0', '10.0.0.0/33', 'proxy.example', '10.0.0.0/8;1.1.1.1', '1', '010.0.0.1'])(
    'a list with %s ends the start',
    (entry) => {
      expect(() => clientAddress(entry)).toThrow(ConfigError);
    },
  );
});
