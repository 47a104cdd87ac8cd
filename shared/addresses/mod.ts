export { Address, addressOf, parseAddress } from './address.ts';
export { openCountries, type CountryOf } from './countries.ts';
export { AddressFilter, countryOfRule, type FilterRules, type FilterSources } from './filter.ts';
export { AddressLists, type ListSource } from './lists.ts';
export { AddressRanges, RangeBuilder } from './ranges.ts';
