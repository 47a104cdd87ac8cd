export { Address, addressOf, parseAddress } from './address.ts';
export { AddressBook, type AddressDocument } from './book.ts';
export { AddressRanges, RangeBuilder } from './ranges.ts';
