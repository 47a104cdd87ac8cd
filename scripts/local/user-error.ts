/**
 * Something the person at the keyboard can mend: bad option, port taken, unreadable file. Its message is one sentence
 * for them, printed without a stack trace.
 */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserError';
  }
}
