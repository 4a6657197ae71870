import { isUtf8 } from 'node:buffer';
import { open, readlink } from 'node:fs/promises';
import { TargetError } from './target-error.js';

/** False for a path whose bytes are not UTF-8: as text it is another one. */
export function hasText(target: string | Buffer): boolean {
  return typeof target === 'string' || isUtf8(target);
}

/**
 * Runs `use` with a path of UTF-8 text that leads to the directory. For a name that is none it is one below /proc, good for as
 * long as `use` runs and in child processes; what `use` returns then names the directory as a person would read it, and has
 * the raw name in `pathBase64`.
 */
export async function throughText<T extends { path: string; pathBase64?: string }>(
  target: string | Buffer,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const shown = target.toString();
  if (hasText(target)) return use(shown);
  const handle = await open(target, 'r').catch((error) => {
    throw TargetError.from(error, shown);
  });
  try {
    const directory = `/proc/${await readlink('/proc/self')}/fd/${handle.fd}`;
    const report = renamed(await use(directory), directory, shown);
    return report.path === shown ? { ...report, pathBase64: (target as Buffer).toString('base64') } : report;
  } finally {
    await handle.close();
  }
}

/** `value` with `to` wherever a text in it has `from`. */
function renamed<T>(value: T, from: string, to: string): T {
  if (typeof value === 'string') return value.replaceAll(from, to) as T;
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to)) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamed(item, from, to)])) as T;
}
