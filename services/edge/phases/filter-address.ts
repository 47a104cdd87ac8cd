import { SluiceError } from '@sluice/errors';
import type { AddressBook } from '../addresses/mod.ts';
import type { Exchange } from '../exchange.ts';
import type { EdgeMetrics } from '../metrics.ts';

export interface FilterAddressOptions {
  readonly addresses: Pick<AddressBook, 'allows' | 'allowsOnRoute'>;
  readonly metrics: Pick<EdgeMetrics, 'addressRefused'>;
}

/** One for all: a flood from a denied network must not cost a stack trace each. */
const refusal = new SluiceError('forbidden', 'Requests from this address are not accepted.');

/**
 * The rules for every request, before anything of it is looked at; requests that are none (the parser refused them) and
 * calls over live connections come through here too. Exits: 403.
 */
export function filterAddress({ addresses, metrics }: FilterAddressOptions) {
  return function filterAddress(exchange: Exchange): void {
    if (addresses.allows(exchange.address)) return;
    metrics.addressRefused('gateway');
    throw refusal;
  };
}

/** The rules of the route. They add to those for everybody: who is refused there is never let in here. Exits: 403. */
export function filterRouteAddress({ addresses, metrics }: FilterAddressOptions) {
  return function filterRouteAddress(exchange: Exchange): void {
    const rules = exchange.route?.addresses;
    if (!rules || addresses.allowsOnRoute(exchange.address, rules)) return;
    metrics.addressRefused('route');
    throw refusal;
  };
}
