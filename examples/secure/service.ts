import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bus } from '@sluice/nats';
import { endpoint, reply, startService, z, type MicroService } from '@sluice/service';

/** The backend of the walk-through: something to call, and the page that a browser logs in from. */
export async function startDemoService(
  bus: Bus,
  options: { onArrival(subject: string): void },
): Promise<MicroService> {
  const page = await readFile(path.join(import.meta.dirname, 'page.html'), 'utf8');
  return startService(bus, {
    name: 'secure-demo',
    version: '1.0.0',
    description: 'What the walk-through of credentials calls',
    endpoints: {
      hello: endpoint({
        route: 'GET /v1/demo/hello',
        summary: 'Greets whoever calls',
        auth: ['key', 'session'],
        limits: ['demo'],
        response: z.object({ hello: z.string() }),
        handler: ({ request }) => ({ hello: request.identity?.subject }),
      }),
      arrive: endpoint({
        route: 'POST /v1/demo/arrivals',
        summary: 'The page tells that somebody has logged in and listens',
        auth: ['session'],
        handler: ({ request }) => {
          if (request.identity !== null) options.onArrival(request.identity.subject);
        },
      }),
      page: endpoint({
        route: 'GET /secure',
        summary: 'The page of the walk-through',
        auth: 'public',
        responseContentType: 'text/html',
        handler: () =>
          reply({
            headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
            body: page,
          }),
      }),
    },
    report: ({ endpoint, error }) => console.error(endpoint, error.cause ?? error),
  });
}
