import { sha256 } from '../bytes/sha256.js';
import type { Finding } from '../finding/finding.js';
import type { FileReport, TargetReport } from './report.js';

/** What a path may be made of: a finding's or a file's own name within a target. */
type Named = { file: string; root?: string };

/** The path of a file as someone in the working directory of the scan would type it. */
export function pathOf(target: Pick<TargetReport, 'path' | 'kind'>, { file, root }: Named): string {
  const directory = root ?? target.path;
  if (root === undefined && (target.kind === 'file' || file === '.')) return target.path;
  return directory === '.' ? file : `${directory.replace(/\/+$/, '')}/${file}`;
}

/** The path of a file of the report. */
export function filePath(target: Pick<TargetReport, 'path' | 'kind'>, { path, root }: FileReport): string {
  return pathOf(target, { file: path, ...(root !== undefined && { root }) });
}

/** The same path as one that a repository can have, which CI systems want: relative, and not above the root. */
export function repositoryPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/') || '.';
}

/** Halves of surrogate pairs, which names with wrong bytes can hold, become U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** A path as a URI: absolute paths with a scheme, relative ones as references. */
export function pathUri(path: string): string {
  const escaped = path
    .split('/')
    .map((part) => encodeURIComponent(wellFormed(part)))
    .join('/');
  return path.startsWith('/') ? `file://${escaped}` : escaped;
}

/**
 * What a finding has in common with itself in a later run: 32 hex digits over rule, file and range, but not over the target's
 * path, the severity or the wording, which may change without the damage changing.
 */
export function fingerprintOf({ rule, file, root, offset, length }: Finding): string {
  return digestOf([rule, root ?? '', file, offset ?? -1, length ?? -1]);
}

/** 32 hex digits for a few values. */
export function digestOf(parts: readonly (string | number)[]): string {
  return sha256().update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Makes the fingerprints of one report unique: of two findings alike in all that counts, the second gets a number. */
export function uniqueFingerprints(): (finding: Finding) => string {
  const seen = new Map<string, number>();
  return (finding) => {
    const own = fingerprintOf(finding);
    const before = seen.get(own) ?? 0;
    seen.set(own, before + 1);
    return before === 0 ? own : `${own}-${before}`;
  };
}
