import { reply, type Reply } from '@sluice/service';

const headers = { 'content-type': 'application/json' };

/** An answer whose JSON text is made already. */
export function jsonReply(text: string): Reply {
  return reply({ headers, body: text });
}

/** A page of a list from the JSON text of its rows. */
export function listReply(rows: string, next: string | null): Reply {
  return jsonReply(`{"data":[${rows}],"next":${next === null ? 'null' : `"${next}"`}}`);
}
