/** Field values change their clothes twice: HTTP has bytes (as latin1 text in Node), NATS has UTF-8 text. */

/** What NATS headers carry unharmed: printable ASCII, and no blank at either end, because clients trim. */
const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });
/** RFC 9110 section 5.5: a field value holds no control characters but the tab. */
const control = /[^\P{Cc}\t\u0080-\u009f]/u;

/** Thrown for a value that no field can hold. */
export class FieldValueError extends Error {
  constructor(name: string) {
    super(`field ${JSON.stringify(name)} holds a control character`);
    this.name = 'FieldValueError';
  }
}

/**
 * A decoded value (a path parameter) as a NATS header value: printable ASCII as it is; `%`, blanks at the ends, control
 * characters and everything else percent-encoded as UTF-8. Any percent-decoder gives the value back.
 */
export function percentEncode(value: string): string {
  if (plain.test(value) && !value.includes('%')) return value;
  const encoded = value.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent);
  return encoded.replace(/^ +| +$/g, (blanks) => '%20'.repeat(blanks.length));
}

/** Text that is percent-encoded already (path, query): only what is not printable ASCII is encoded. */
export function percentComplete(value: string): string {
  if (/^[\x21-\x7e]*$/.test(value)) return value;
  return value.toWellFormed().replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

/** An HTTP field value as NATS text: bytes that are UTF-8 are sent as such, others are read as ISO 8859-1. */
export function httpToNats(name: string, value: string): string {
  if (plain.test(value)) return value;
  if (control.test(value)) throw new FieldValueError(name);
  if (/[^\p{Cc}\u0020-\u00ff]/u.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

/** NATS text as an HTTP field value: the bytes that the backend wrote, one character per byte. */
export function natsToHttp(name: string, value: string): string {
  if (plain.test(value)) return value;
  if (control.test(value)) throw new FieldValueError(name);
  return Buffer.from(value, 'utf8').toString('latin1');
}
