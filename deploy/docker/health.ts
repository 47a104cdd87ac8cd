// The health check of the service images, which have no shell: exit code 0 while the service is ready for work.
const port = process.env['SLUICE_OPS_PORT'] ?? '9090';
try {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
    signal: AbortSignal.timeout(3_000),
  });
  console.log(await response.text());
  process.exit(response.ok ? 0 : 1);
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
