// Puts beside the compiled tools what the sources read two directories up from theirs. The name differs from the project's, by
// which test/support/repository.ts knows its root.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
writeFileSync(
  at('tmp/tools/package.json'),
  JSON.stringify({ name: 'kvdoctor-tools', type: 'module', version }),
);
for (const schema of ['report.schema.json', 'kvdoctor.config.schema.json'])
  copyFileSync(at(schema), at(`tmp/tools/${schema}`));
