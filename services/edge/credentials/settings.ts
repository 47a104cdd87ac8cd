import { z } from '@sluice/config';

const count = (fallback: number, env: string, description: string) =>
  z.coerce.number().int().min(1).default(fallback).meta({ env, description });

/** How much of what was verified an edge keeps in memory. */
export const credentialSettings = {
  keyCache: count(
    50_000,
    'SLUICE_EDGE_KEY_CACHE',
    'API keys, and as many consumers, that an edge keeps at hand; others are looked up when they are used. About 1.5 KB for both.',
  ),
  tokenCache: count(
    50_000,
    'SLUICE_EDGE_TOKEN_CACHE',
    'Verified tokens that an edge remembers until they expire.',
  ),
  tokenCacheBytes: count(
    64 * 1024 * 1024,
    'SLUICE_EDGE_TOKEN_CACHE_BYTES',
    'Memory of those tokens together, bytes, estimated from their length.',
  ),
};

export type CredentialSettings = Readonly<z.infer<z.ZodObject<typeof credentialSettings>>>;
