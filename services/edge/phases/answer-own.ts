import type { Exchange } from '../exchange.ts';
import { streamPath } from '../local-routes.ts';
import type { SecurityHeaders } from '../security-headers.ts';

export interface AnswerOwnOptions {
  readonly securityHeaders: Pick<SecurityHeaders, 'of'>;
}

/** Answers the edge's own pages and hands `/v1/stream` over to the live side. Exits: those of the live side. */
export function answerOwn({ securityHeaders }: AnswerOwnOptions) {
  return function answerOwn(exchange: Exchange): void | Promise<void> {
    const { own } = exchange;
    if (own === null || own.route !== null) return undefined;
    // A stream does not come through `respond`.
    if (exchange.path === streamPath) exchange.addHeaders(securityHeaders.of(exchange));
    return own.handle(exchange);
  };
}
