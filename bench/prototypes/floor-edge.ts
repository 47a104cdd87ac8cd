import { createServer } from 'node:http';
import { floorBus } from './floor-bus.ts';
import { listen, setting } from './ready.ts';

const bus = await floorBus();
const subject = setting('BENCH_SUBJECT');

listen(
  createServer((request, response) => {
    bus.request(subject, Buffer.from(`${request.method} ${request.url}`), ({ data }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': data.length });
      response.end(data);
    });
  }),
);
