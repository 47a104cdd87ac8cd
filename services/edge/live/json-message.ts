import { parseExactJson, parseVerbatimJson } from '@sluice/service';

/**
 * Reads the JSON of a client's message. The body of a call keeps its numbers as they were written, since somebody else
 * reads them. Everywhere else a number that would be rounded is no number: an `id` must come back as it was sent.
 * Throws SyntaxError.
 */
export function parseJsonMessage(text: string): unknown {
  const message = parseExactJson(text);
  if (isCall(message) && 'body' in message) message.body = (parseVerbatimJson(text) as typeof message).body;
  return message;
}

function isCall(message: unknown): message is { op: 'call'; body?: unknown } {
  return typeof message === 'object' && message !== null && 'op' in message && message.op === 'call';
}
