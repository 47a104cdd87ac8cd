import { endpoint, reply, SluiceError, z } from '@sluice/service';

const Order = z.object({ id: z.number(), item: z.string(), count: z.number() });
type Order = z.infer<typeof Order>;

/** The endpoints of the service; `instance` shows in the answers who gave them. */
export function endpoints(instance: number) {
  const orders = new Map<number, Order>([[1, { id: 1, item: 'book', count: 2 }]]);

  return {
    get: endpoint({
      route: 'GET /v1/node/orders/{id}',
      auth: 'public',
      summary: 'One order',
      tags: ['orders'],
      params: z.object({ id: z.coerce.number().int().positive() }),
      query: z.object({ fields: z.array(z.enum(['item', 'count'])).optional() }),
      headers: z.object({ 'accept-language': z.string().optional() }),
      response: Order,
      handler: ({ params, query, headers }) => {
        const order = orders.get(params.id);
        if (!order) throw new SluiceError('not_found', `There is no order ${params.id}.`);
        const shown = query.fields ? { id: order.id, ...pick(order, query.fields) } : order;
        return reply({
          headers: {
            'content-type': 'application/json',
            'content-language': headers['accept-language'] ?? 'en',
          },
          body: JSON.stringify({ ...shown, instance }),
        });
      },
    }),

    create: endpoint({
      route: 'POST /v1/node/orders',
      auth: 'public',
      summary: 'A new order',
      tags: ['orders'],
      body: z.object({ item: z.string().min(1).max(100), count: z.number().int().min(1) }),
      response: Order,
      status: 201,
      handler: ({ body }) => {
        const order = { id: orders.size + 1, ...body };
        orders.set(order.id, order);
        return order;
      },
    }),

    echo: endpoint({
      route: 'POST /v1/node/echo',
      auth: 'public',
      summary: 'The body as it came, with the status that was asked for',
      tags: ['echo'],
      query: z.object({ status: z.coerce.number().int().min(200).max(599).default(200) }),
      bodyContentType: 'application/octet-stream',
      responseContentType: 'application/octet-stream',
      handler: ({ body, query }) =>
        reply({
          status: query.status,
          headers: { 'content-type': 'application/octet-stream', 'x-echo': ['one', 'two'] },
          body,
        }),
    }),
  };
}

function pick(order: Order, fields: readonly ('item' | 'count')[]): Partial<Order> {
  return Object.fromEntries(fields.map((field) => [field, order[field]]));
}
