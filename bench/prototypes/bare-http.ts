import { createServer } from 'node:http';
import { order } from './answer.ts';
import { listen } from './ready.ts';

// What node:http alone costs: the floor below every floor.
listen(
  createServer((request, response) => {
    const body = JSON.stringify(order(request.url!.slice(request.url!.lastIndexOf('/') + 1)));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  }),
);
