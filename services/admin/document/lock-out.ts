import {
  AddressFilter,
  AddressLists,
  countryOfRule,
  openCountries,
  parseAddress,
  type FilterRules,
} from '@sluice/addresses';
import { SluiceError } from '@sluice/errors';
import type { GatewayInput } from '@sluice/policy';

/** The route that a document could be taken back by, as `overrides` name it, the most particular first. */
const wayBack = ['admin.document-put', 'admin.*'];

/** The part of a document that would refuse somebody. */
interface Place {
  readonly pointer: string;
  readonly name: string;
}

/**
 * Refuses a document whose address rules would keep out whoever applies it: over HTTP nobody could take it back from
 * there. `client` is the caller's address as the edge has found it out. One that the rules in force refuse already has come
 * in some other way, and is not held up. Lists that edges read from files of their own are not looked at.
 * Rejects with SluiceError `conflict`.
 */
export async function refuseLockOut(input: unknown, present: unknown, client: string): Promise<void> {
  const place = await refusing(input as GatewayInput, client);
  if (place === null || (await refusing(present as GatewayInput, client)) !== null) return;
  throw new SluiceError(
    'conflict',
    `\`${place.name}\` of this document refuses the address that it is applied from, ${client}: nobody could take it back from there. With \`force\` it is applied all the same.`,
    { errors: [{ in: 'body', pointer: place.pointer, detail: `refuses ${client}` }] },
  );
}

/** Where a document says that the address may not call the control API; null where it may. */
async function refusing({ addresses, overrides }: GatewayInput, client: string): Promise<Place | null> {
  const lists = addresses?.lists ?? {};
  if (addresses !== undefined) {
    const member = await refusingMember(addresses, lists, client);
    if (member !== null) return { pointer: `/addresses/${member}`, name: `addresses.${member}` };
  }
  for (const id of wayBack) {
    const rules = overrides?.[id]?.addresses;
    if (rules === undefined) continue;
    const member = await refusingMember(rules, lists, client);
    return member && { pointer: `/overrides/${id}/addresses/${member}`, name: `overrides["${id}"]` };
  }
  return null;
}

type Lists = NonNullable<NonNullable<GatewayInput['addresses']>['lists']>;
type Rules = Pick<NonNullable<GatewayInput['addresses']>, 'allow' | 'deny'>;

async function refusingMember(
  { allow, deny = [] }: Rules,
  lists: Lists,
  client: string,
): Promise<'allow' | 'deny' | null> {
  const named = [...deny, ...(allow ?? [])];
  const address = parseAddress(client);
  if (address === null || (named.length === 0 && allow === undefined)) return null;
  const used: Record<string, readonly string[]> = {};
  for (const rule of named) {
    const entries = Object.hasOwn(lists, rule) ? lists[rule] : undefined;
    if (Array.isArray(entries)) used[rule] = entries;
  }
  const compiled = await new AddressLists().compile(used);
  const countryOf = named.some((rule) => countryOfRule(rule) !== null) ? await openCountries() : null;
  const isFile = (rule: string): boolean => Object.hasOwn(lists, rule) && !Array.isArray(lists[rule]);
  const admits = (rules: FilterRules): boolean =>
    new AddressFilter(rules, { list: (name) => compiled.get(name), countryOf }).judge(address);
  if (!admits({ deny: deny.filter((rule) => !isFile(rule)) })) return 'deny';
  // A file may name the address: nobody is refused for what cannot be known.
  if (allow !== undefined && !allow.some(isFile) && !admits({ allow, deny: [] })) return 'allow';
  return null;
}
