import { headerValue, type FlatHeaders } from '@sluice/wire';
import type { Exchange } from '../../exchange.ts';

/** The addresses of these pages hold codes and states: not for the `Referer` of what comes after. */
export const noReferrer: FlatHeaders = ['referrer-policy', 'no-referrer'];
const privateHeaders: FlatHeaders = ['cache-control', 'no-store', ...noReferrer];

const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Whether a browser shows the answer to its user, and no script reads it. */
export function wantsPage(exchange: Exchange): boolean {
  const { endToEnd } = exchange.fields;
  if (headerValue(endToEnd, 'sec-fetch-mode') === 'navigate') return true;
  return /\btext\/html\b/i.test(headerValue(endToEnd, 'accept') ?? '');
}

/** Settles with a small page: no script, no style, nothing from elsewhere. */
export function answerPage(
  exchange: Exchange,
  status: number,
  page: { title: string; text: string; link?: { href: string; text: string } },
  headers: FlatHeaders = [],
): void {
  const link = page.link ? `<p><a href="${escape(page.link.href)}">${escape(page.link.text)}</a></p>` : '';
  const html =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(page.title)}</title>` +
    `<meta name="viewport" content="width=device-width"><h1>${escape(page.title)}</h1>` +
    `<p>${escape(page.text)}</p>${link}</html>\n`;
  exchange.answer(status, [...pageHeaders, ...headers], Buffer.from(html));
}

const pageHeaders: FlatHeaders = [
  'content-type',
  'text/html; charset=utf-8',
  'content-security-policy',
  policy,
  'x-content-type-options',
  'nosniff',
  ...privateHeaders,
];

export function answerJson(
  exchange: Exchange,
  status: number,
  value: object,
  headers: FlatHeaders = [],
): void {
  const type = ['content-type', 'application/json', ...privateHeaders];
  exchange.answer(status, [...type, ...headers], Buffer.from(JSON.stringify(value)));
}

export function redirect(exchange: Exchange, status: 302 | 303, to: string, headers: FlatHeaders = []): void {
  exchange.answer(status, ['location', to, ...privateHeaders, ...headers]);
}

/** Text for an element or a quoted attribute. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
