import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';

export const adminConfig = defineConfig('admin', {
  ...natsSettings,
  ...opsSettings,
  adminKey: z.string().optional().meta({
    env: 'SLUICE_ADMIN_KEY',
    description:
      'An API key that is made sure to exist at start, of a consumer `admin` with the role `admin`: the first credential of a new gateway.',
    secret: true,
  }),
  adminKeyFile: z.string().optional().meta({
    env: 'SLUICE_ADMIN_KEY_FILE',
    description: 'File that holds that key, such as a mounted secret.',
  }),
  auditDays: z.coerce
    .number()
    .int()
    .refine((days) => days === 0 || (days >= 366 && days <= 36_500), 'must be 0 or from 366 to 36500')
    .default(0)
    .meta({
      env: 'SLUICE_AUDIT_DAYS',
      description: 'Whole days that audit entries are kept, at least 366; 0 for ever.',
    }),
});
