/** What a provider said was larger than anything it has to say. */
export class AnswerTooLarge extends Error {
  constructor(limit: number) {
    super(`the answer is larger than ${limit} bytes`);
    this.name = 'AnswerTooLarge';
  }
}

/** The whole body as text. Rejects with {@link AnswerTooLarge} as soon as it is past `limit` bytes, and reads no further. */
export async function boundedText(response: Response, limit: number): Promise<string> {
  const body = await boundedBytes(response, limit);
  return new TextDecoder().decode(body);
}

/**
 * `fetch` whose answers are read up to `limit` bytes and no further: what a provider sends (or whoever answers in its
 * place) must not fill the memory of the edge. The body has arrived when the answer is given, so that the signal's time
 * counts for all of it.
 */
export function boundedFetch(limit: number): (url: string, options: RequestInit) => Promise<Response> {
  return async (url, options) => {
    const response = await fetch(url, options);
    const body = await boundedBytes(response, limit);
    const { status, statusText, headers } = response;
    // Statuses that cannot have a body are given none (Fetch standard, "null body status").
    const none = body.length === 0 || [101, 103, 204, 205, 304].includes(status);
    return new Response(none ? null : body, { status, statusText, headers });
  };
}

async function boundedBytes(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Counted after decompression: a small answer that unpacks to a large one is cut off as well.
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > limit) throw new AnswerTooLarge(limit);
    pieces.push(piece);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
