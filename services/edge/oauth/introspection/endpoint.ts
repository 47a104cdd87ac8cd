import type { Introspection } from '@sluice/policy';
import { AnswerTooLarge, boundedText } from '../bounded-fetch.ts';
import { Gate, GateClosed } from '../gate.ts';
import { Secret } from '../secret.ts';
import { claimedTime, type Claims } from '../../credentials/claims.ts';

/** The endpoint cannot say anything about the token now: it is away, slow, overrun, or does not know us. */
export class NoAnswer extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoAnswer';
  }
}

/** Answers are a few claims; anything larger is no answer. */
const answerLimit = 64 * 1024;
/** Questions to one endpoint at a time. */
const mostQuestions = 256;

/** One introspection endpoint of the document (RFC 7662), asked with HTTP Basic authentication of the client. */
export class IntrospectionEndpoint {
  readonly name: string;
  readonly settings: Introspection;
  readonly #secret: Secret;
  readonly #gate = new Gate(mostQuestions);

  constructor(name: string, settings: Introspection) {
    this.name = name;
    this.settings = settings;
    this.#secret = new Secret(settings.client_secret);
  }

  /** What the endpoint says about an active token, and how long that is; null for every other. Rejects with {@link NoAnswer}. */
  async ask(token: string): Promise<{ claims: Claims; length: number } | null> {
    try {
      const text = await this.#gate.pass(
        () => this.#question(token),
        (error) => error instanceof NoAnswer,
      );
      const claims = this.#parse(text);
      return active(claims, this.settings) ? { claims, length: text.length } : null;
    } catch (error) {
      if (error instanceof GateClosed) throw new NoAnswer(`introspection ${this.name}: ${error.message}`);
      throw error;
    }
  }

  async #question(token: string): Promise<string> {
    const { url, timeout } = this.settings;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: await this.#authorization(),
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        // The question holds a token and our secret: neither goes where a redirect might lead.
        redirect: 'error',
        signal: AbortSignal.timeout(timeout),
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new NoAnswer(`introspection ${this.name} answered ${response.status}`);
      }
      return await boundedText(response, answerLimit);
    } catch (error) {
      if (error instanceof NoAnswer) throw error;
      if (error instanceof AnswerTooLarge) throw new NoAnswer(`introspection ${this.name}: ${error.message}`);
      throw new NoAnswer(`introspection ${this.name} did not answer`, error);
    }
  }

  #parse(text: string): Claims {
    try {
      const answer: unknown = JSON.parse(text);
      if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as Claims;
    } catch {
      // Said below, without the text: it may be anything.
    }
    throw new NoAnswer(`introspection ${this.name} answered something that is no JSON object`);
  }

  /** RFC 6749 section 2.3.1: both parts are form-encoded before they are joined. */
  async #authorization(): Promise<string> {
    const secret = await this.#secret.read();
    const pair = `${formEncode(this.settings.client_id)}:${formEncode(secret)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  }
}

function formEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}

/** Whether an answer says that the token may be used here, as a bearer token, by whoever has it. */
function active(answer: Claims, settings: Introspection): boolean {
  if (answer['active'] !== true) return false;
  const { iss, aud, token_type: type, cnf } = answer;
  if (settings.issuer !== undefined && iss !== undefined && iss !== settings.issuer) return false;
  if (settings.audience !== undefined) {
    const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
    if (!settings.audience.some((one) => audiences.includes(one))) return false;
  }
  // A token bound to a key (RFC 8705, RFC 9449) is worth nothing without the proof of that key, which is not checked here.
  if (cnf !== undefined) return false;
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) return false;
  const end = claimedTime(answer, 'exp');
  return end === undefined || (end !== null && end > Date.now());
}
