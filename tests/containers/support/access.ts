import { until } from '@sluice/testing';

/**
 * Makes a consumer who may publish trades, with the first key of the control API, as an operator does after the first
 * start. Gives the consumer's own key.
 */
export async function makePublisher(gateway: string, adminKey: string): Promise<string> {
  const ask = async (path: string, body: unknown): Promise<Response> =>
    await fetch(`${gateway}/admin/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': adminKey },
      body: JSON.stringify(body),
    });
  // The key is made, and the routes are announced, a moment after the processes are ready.
  await until(
    async () => {
      const { status } = await ask('/consumers', { id: 'feed', scopes: ['markets:write'] });
      return status === 201 || status === 409;
    },
    { timeoutMs: 60_000, everyMs: 250, message: 'the control API makes a consumer' },
  );
  const made = await ask('/consumers/feed/keys', { name: 'tests' });
  if (made.status !== 201) throw new Error(`no key: ${made.status} ${await made.text()}`);
  return ((await made.json()) as { key: string }).key;
}
