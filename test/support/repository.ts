import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let dir = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = path.join(dir, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'kvdoctor') return dir;
    dir = path.dirname(dir);
  }
}

/** The repository's root, also when this file runs compiled from tmp/tools. */
export const repositoryRoot = findRoot();

export function inRepository(...parts: string[]): string {
  return path.join(repositoryRoot, ...parts);
}
