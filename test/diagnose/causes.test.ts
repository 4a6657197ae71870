import { expect, test } from 'vitest';
import type { Finding } from '../../src/finding/finding.js';
import { scanTarget } from '../../src/scan/scan.js';
import { damageCases } from '../support/case.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

/** A finding and why, as a line of the golden file. */
function line({ severity, rule, file, offset, cause, impact }: Finding): string {
  const place = offset === undefined ? file : `${file} 0x${offset.toString(16)}`;
  const why = cause === undefined ? 'no cause' : `${cause.kind}, ${cause.certainty}: ${cause.detail}`;
  const bits =
    cause?.changes === undefined
      ? ''
      : `\n    ${cause.restores ? 'restores' : 'flips'} ${cause.changes.length} bits`;
  const cost = impact?.summary === undefined ? '' : `\n    costs ${impact.summary}`;
  return `  ${severity} ${rule} ${place}\n    ${why}${bits}${cost}\n`;
}

test('the cause of every finding of every damaged fixture', { timeout: 120_000 }, async () => {
  let text = '';
  for (const { name, base, patches, target } of damageCases()) {
    if (name.startsWith('backup/')) continue;
    const files = await applyPatches(fixture(base), patches);
    await withTemporaryDirectory(async (dir) => {
      writeFileSet(files, dir);
      const { findings } = await scanTarget(target === '.' ? dir : `${dir}/${target}`, { jobs: 1 });
      const lines = findings.map((finding) => line(finding).replaceAll(dir, 'DIR'));
      text += `${name}\n${lines.join('')}\n`;
    });
  }
  await expect(text).toMatchFileSnapshot('golden/causes.txt');
});
