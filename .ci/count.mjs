// Sums vitest's JSON reports: `node count.mjs BROKEN_STEPS REPORT...`. A step that broke and a file that could not be
// loaded count as one failure each. Exit code 1 when anything failed or nothing ran.
import { readFileSync } from 'node:fs';

const [steps, ...reports] = process.argv.slice(2);
let passed = 0;
let failed = Number(steps);
for (const file of reports) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    passed += report.numPassedTests;
    const unloaded = report.testResults.filter(
      (suite) =>
        suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
    );
    failed += report.numFailedTests + unloaded.length;
    for (const suite of unloaded) console.log(`failed: ${suite.name}: ${suite.message}`);
    if (!report.success && report.numFailedTests + unloaded.length === 0) {
      console.log(`failed: ${file}: errors outside of tests`);
      failed += 1;
    }
  } catch (error) {
    console.log(`failed: no report: ${error.message}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
