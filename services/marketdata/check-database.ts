import { checkLogin } from './store/login.ts';

/**
 * Tells whether `DATABASE_URL` lets this service in: exit code 0, or 1 and one line on stderr. The service itself waits
 * for its database; who starts it for somebody at a terminal asks first.
 */
const patienceMs = 5_000;

try {
  await checkLogin(process.env['DATABASE_URL'] ?? '', patienceMs);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
