import { EventSource } from 'eventsource';
import type { Standing, Update } from './client.ts';

/** A client of server-sent events as browsers have it. */
export class SseClient {
  readonly source: EventSource;
  readonly updates: Update[] = [];
  readonly standings: Record<string, Standing>[] = [];
  readonly closing: unknown[] = [];
  lastEventId = '';

  /** `lastEventId`: what it resumes from; later connections go on from what they saw. */
  constructor(url: string, lastEventId?: string) {
    this.source = new EventSource(url, {
      fetch: (input, init) =>
        fetch(input, {
          ...init,
          headers: {
            ...init?.headers,
            ...(lastEventId === undefined || this.lastEventId !== '' ? {} : { 'last-event-id': lastEventId }),
          },
        }),
    });
    this.source.addEventListener('message', (event) => {
      this.lastEventId = event.lastEventId;
      this.updates.push(JSON.parse(event.data as string) as Update);
    });
    this.source.addEventListener('subscribed', (event) => {
      this.lastEventId = event.lastEventId;
      this.standings.push(
        (JSON.parse(event.data as string) as { channels: Record<string, Standing> }).channels,
      );
    });
    this.source.addEventListener('closing', (event) => this.closing.push(JSON.parse(event.data as string)));
  }

  of(channel: string): Update[] {
    return this.updates.filter((update) => update.channel === channel);
  }
}
