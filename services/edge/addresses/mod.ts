export { AddressBook, type AddressDocument } from './book.ts';
