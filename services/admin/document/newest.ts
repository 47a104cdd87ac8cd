import type { Bus } from '@sluice/nats';
import {
  checkDocumentGently,
  readCurrent,
  type DocumentFollower,
  type GatewayDocument,
} from '@sluice/policy';

/**
 * The document that names are looked up in. Somebody may have applied one a moment ago through another process: what this
 * one follows is good while it `knows` everything, and the store is asked otherwise. Throws BusError.
 */
export async function newestDocument(
  bus: Bus,
  followed: Pick<DocumentFollower, 'current'>,
  knows: (document: GatewayDocument) => boolean,
): Promise<GatewayDocument> {
  if (knows(followed.current)) return followed.current;
  try {
    const stored = await readCurrent(bus);
    const checked = stored === null ? null : await checkDocumentGently(stored.document);
    return checked?.ok === true ? checked.document : followed.current;
  } catch (error) {
    // Damaged by hand: nobody follows it.
    if (error instanceof TypeError) return followed.current;
    throw error;
  }
}
