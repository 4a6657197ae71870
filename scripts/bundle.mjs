// Builds build/kvdoctor.mjs: the whole command line in one file, for hosts without network and without npm. It needs Node.js and
// nothing else; WebAssembly is in it. The optional native CRC-32C is not.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeOneFile } from './one-file.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(root, process.argv[2] ?? 'build/kvdoctor.mjs');
const notices = await writeOneFile(output, { banner: '#!/usr/bin/env node' });
chmodSync(output, 0o755);
writeFileSync(join(dirname(output), 'THIRD-PARTY-LICENSES.txt'), notices);
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
console.log(`${output}: kvdoctor ${version}, ${(readFileSync(output).length / 1e6).toFixed(1)} MB`);
