import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeCertificate } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certifiedAddress, edgeCertificate } from './edge-certificate.ts';

let folder: string;
const file = (name: string): string => path.join(folder, `${name}.crt`);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-edge-certificate-'));
  // All of them are for 127.0.0.1, too.
  for (const name of ['localhost', 'gateway.example'])
    await writeFile(file(name), makeCertificate(name).cert);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the edge's certificate", () => {
  it('is looked for where the user is', () => {
    const env = {
      SLUICE_EDGE_TLS_CERT: 'edge.crt',
      SLUICE_EDGE_TLS_KEY: '/k/edge.key',
      INIT_CWD: '/home/me',
    };
    expect(edgeCertificate(env)).toEqual({
      env: { SLUICE_EDGE_TLS_CERT: '/home/me/edge.crt', SLUICE_EDGE_TLS_KEY: '/k/edge.key' },
      file: '/home/me/edge.crt',
    });
    expect(edgeCertificate({ SLUICE_EDGE_TLS_CERT: '' })).toEqual({ env: {}, file: undefined });
  });

  it.each([
    ['https://127.0.0.1:8080', 'localhost', 'https://127.0.0.1:8080'],
    ['https://127.0.0.2:8080', 'localhost', 'https://localhost:8080'],
    ['https://[::1]:8080', 'localhost', 'https://localhost:8080'],
    ['https://[::1]:8080', 'gateway.example', 'https://[::1]:8080'],
    ['https://192.0.2.1:8080', 'localhost', 'https://192.0.2.1:8080'],
    ['http://127.0.0.2:8080', 'localhost', 'http://127.0.0.2:8080'],
  ])('leads to %s with one for %s as %s', (gateway, name, address) => {
    expect(certifiedAddress(gateway, file(name))).toBe(address);
  });
});
