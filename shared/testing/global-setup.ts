import { natsServerPath } from '../../scripts/local/nats-server.ts';

/** Before the first test: a nats-server, fetched once and not by every worker, and outside any test's time limit. */
export default async function setup(): Promise<void> {
  await natsServerPath({ progress: (line) => process.stdout.write(`${line}\n`) });
}
