// Reads vitest's JSON report and fails when a test did not run: here everything that tests need is installed.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const skipped = report.testResults.flatMap((file) =>
  file.assertionResults
    .filter((test) => test.status !== 'passed' && test.status !== 'failed')
    .map((test) => `${file.name}: ${test.fullName} (${test.status})`),
);
if (report.numTotalTests === 0) skipped.push('no test ran at all');
for (const line of skipped) console.error(`not run: ${line}`);
process.exitCode = skipped.length === 0 ? 0 : 1;
