import { openBucket, type Bucket, type Bus } from '@sluice/nats';
import { configBucket } from '@sluice/routes';

/** Key of KV `config` that holds the document. */
export const documentKey = 'gateway';

/** Where its messages are, for reading earlier revisions. */
export const documentStream = `KV_${configBucket}`;
export const documentSubject = `$KV.${configBucket}.${documentKey}`;

/** Revisions that can be gone back to. */
export const keptRevisions = 64;

/** Opens KV `config`, made when it is missing. Throws BusError. */
export function openConfigBucket(bus: Bus, replicas?: number): Promise<Bucket> {
  return openBucket(bus, {
    name: configBucket,
    history: keptRevisions,
    ...(replicas === undefined ? {} : { replicas }),
  });
}
