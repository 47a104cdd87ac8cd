import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyDocument } from '@sluice/policy';
import { startMicroService, type MicroService } from '@sluice/service';
import { until } from '@sluice/testing';
import { startAdmin, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;
const services: MicroService[] = [];

beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await admin[Symbol.asyncDispose]();
});

async function start(name: string, data?: () => unknown): Promise<void> {
  const options = { name, version: '1.0.0', description: 'A service', endpoints: [] };
  services.push(await startMicroService(admin.bus, { ...options, ...(data && { data }) }));
}

test('tells which revision of the document each instance follows, as far as it says so', async () => {
  let followed = 0;
  await start('edge', () => ({ document: followed }));
  await start('silent');
  await start('odd', () => ({ document: 'newest' }));
  await start('text', () => 'newest');
  const { revision } = await applyDocument(admin.bus, {}, { expectedRevision: null, author: 'test' });
  await until(() => admin.document.revision === revision);

  const documents = async (): Promise<unknown> => {
    const { json } = await admin.ask('status');
    expect(json['document']).toEqual({ followed: revision, stored: revision, file: null });
    const instances = json['instances'] as { name: string; document: unknown }[];
    return Object.fromEntries(instances.map(({ name, document }) => [name, document]));
  };
  expect(await documents()).toEqual({ admin: revision, edge: 0, odd: null, silent: null, text: null });
  followed = revision;
  expect(await documents()).toMatchObject({ edge: revision });
});

test('tells which file routers loaded the document from, and as which revision, also when another one was applied since', async () => {
  const file = { name: 'gateway.yaml', again: false };
  const options = { expectedRevision: null, author: 'file gateway.yaml' };
  const { revision } = await applyDocument(admin.bus, { version: 1 }, { ...options, file });
  const loaded = { name: 'gateway.yaml', revision };
  expect((await admin.ask('status')).json['document']).toMatchObject({ stored: revision, file: loaded });
  const next = await applyDocument(admin.bus, {}, { expectedRevision: null, author: 'test' });
  expect((await admin.ask('status')).json['document']).toMatchObject({ stored: next.revision, file: loaded });
});
