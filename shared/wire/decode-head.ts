import { WireError } from './error.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { checkVersion, once } from './parts.ts';
import { Words } from './words.ts';

/** What the router needs of a request envelope that it passes on as it is. */
export interface RequestHead {
  /** Id of the matched route. */
  readonly route: string;
  /** Request id. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** W3C traceparent, empty when there is none. */
  readonly trace: string;
}

/** The keys before which nothing is made of a value, and those that are stepped over: no string is made for either. */
const keys = new Words([
  'v',
  'route',
  'id',
  'deadline',
  'trace',
  'method',
  'path',
  'params',
  'query',
  'headers',
  'body',
  'identity',
  'client',
]);

/**
 * Reads four fields of a request envelope and steps over the rest, header list and body included: most requests are
 * passed on untouched (DESIGN.md, speed rule 3). Fields may come in any order. Throws {@link WireError} for what is no
 * envelope.
 */
export function decodeHead(payload: Uint8Array): RequestHead {
  const reader = new MsgpackReader(payload);
  let version: number | undefined;
  let route: string | undefined;
  let id: string | undefined;
  let deadline: number | undefined;
  let trace: string | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text(keys)) {
      case 'v':
        version = once('v', version, reader.integer());
        break;
      case 'route':
        route = once('route', route, reader.text());
        break;
      case 'id':
        id = once('id', id, reader.text());
        break;
      case 'deadline':
        deadline = once('deadline', deadline, reader.integer());
        break;
      case 'trace':
        trace = once('trace', trace, reader.nil() ? '' : reader.text());
        break;
      default:
        reader.skip();
    }
  }
  reader.end();
  checkVersion(version);
  if (!route || !id) throw new WireError('request envelope lacks route or id');
  if (deadline === undefined) throw new WireError('request envelope has no deadline');
  return { route, id, deadline, trace: trace ?? '' };
}
