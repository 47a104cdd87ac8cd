import { reply, type Reply } from '@sluice/service';
import { etag } from './precondition.ts';

/** Answers of the control API are for one caller and one moment. */
export const noStore = { 'cache-control': 'no-store' };

/** One thing with its revision as the entity tag. */
export function revisioned(
  value: unknown,
  revision: number | null,
  options: { status?: number; location?: string } = {},
): Reply {
  return reply({
    ...(options.status === undefined ? {} : { status: options.status }),
    headers: {
      'content-type': 'application/json',
      ...noStore,
      ...(revision === null ? {} : { etag: etag(revision) }),
      ...(options.location === undefined ? {} : { location: options.location }),
    },
    body: JSON.stringify(value),
  });
}

export function json(value: unknown): Reply {
  return revisioned(value, null);
}

export const noContent = (): Reply => reply({ status: 204, headers: noStore });
