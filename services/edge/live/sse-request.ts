import { SluiceError } from '@sluice/errors';
import { isChannel, isPattern, patternRule } from '@sluice/live';

/** What a client of server-sent events asks for in its URL and its headers. */
export interface SseRequest {
  /** Channels and patterns, each once. */
  readonly names: readonly string[];
  readonly lastEventId: string | undefined;
  readonly history: number | undefined;
}

/**
 * Reads `channels` (names separated by commas, may be repeated), `history` and, for clients that cannot set the
 * `Last-Event-ID` header, `last_event_id`. Throws `invalid_parameters` with every fault.
 */
export function parseSseRequest(query: string, lastEventId: string | undefined): SseRequest {
  const parameters = new URLSearchParams(query);
  const errors: { in: 'query'; pointer: string; detail: string }[] = [];
  const fault = (pointer: string, detail: string): void => {
    errors.push({ in: 'query', pointer, detail });
  };
  const names = [
    ...new Set(
      parameters
        .getAll('channels')
        .flatMap((list) => list.split(','))
        .filter((name) => name !== ''),
    ),
  ];
  if (names.length === 0) fault('/channels', 'name at least one channel');
  for (const name of names)
    if (!isChannel(name) && !isPattern(name))
      fault('/channels', `${JSON.stringify(name.slice(0, 200))} is not ${patternRule}`);
  const history = parameters.get('history');
  if (history !== null && !/^[1-9]\d{0,5}$/.test(history)) fault('/history', 'expected a positive integer');
  for (const name of parameters.keys()) if (!known.has(name)) fault(`/${name}`, 'there is no such parameter');
  if (errors.length > 0) throw new SluiceError('invalid_parameters', 'The stream cannot begin.', { errors });
  const position = lastEventId ?? parameters.get('last_event_id') ?? '';
  return {
    names,
    lastEventId: position === '' ? undefined : position,
    history: history === null ? undefined : Number(history),
  };
}

const known = new Set(['channels', 'history', 'last_event_id']);
