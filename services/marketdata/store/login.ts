import { Client } from 'pg';

/** Logs in to a database and out again. Rejects with the driver's or the server's own words, which hold no password. */
export async function checkLogin(url: string, timeoutMs: number): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: 'sluice-check',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  // A connection that breaks between two steps must not end the process without a word.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}
