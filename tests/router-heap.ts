import { until, type StackService } from '@sluice/testing';

/**
 * Bytes a process holds after a garbage collection, JavaScript heap and buffers. The process must have been started
 * with {@link inspected}; nothing in it has to know that it is being measured.
 */
export async function liveBytes(service: StackService): Promise<number> {
  const line = await until(() =>
    service.process.logs.find(({ msg }) => msg?.startsWith('Debugger listening on ')),
  );
  const url = /ws:\/\/\S+/.exec(line.msg ?? '')?.[0] ?? '';
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)));
  });
  let last = 0;
  const call = (method: string): Promise<Record<string, number>> =>
    new Promise((resolve) => {
      const id = ++last;
      const listen = (event: MessageEvent): void => {
        const answer = JSON.parse(String(event.data)) as { id?: number; result?: Record<string, number> };
        if (answer.id !== id) return;
        socket.removeEventListener('message', listen);
        resolve(answer.result ?? {});
      };
      socket.addEventListener('message', listen);
      socket.send(JSON.stringify({ id, method }));
    });
  try {
    // Weak references and finalizers need more than one round.
    for (let round = 0; round < 4; round++) await call('HeapProfiler.collectGarbage');
    const { usedSize = 0, backingStorageSize = 0 } = await call('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  } finally {
    socket.close();
  }
}

/** Environment of a process whose memory is to be measured. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };
