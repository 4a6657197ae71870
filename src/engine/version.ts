/** A RocksDB release, as `--engine-version` takes it and OPTIONS states it. */
export interface EngineVersion {
  major: number;
  minor: number;
  patch: number;
}

/** Parses `11.9`, `9.7.4`, `v6.17.3`, `7`. Anything else: `undefined`. */
export function parseVersion(text: string): EngineVersion | undefined {
  const found = /^v?(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?$/.exec(text.trim());
  if (!found) return undefined;
  return { major: Number(found[1]), minor: Number(found[2] ?? 0), patch: Number(found[3] ?? 0) };
}

/** Negative when `a` is older than `b`, 0 when they are the same release. */
export function compareVersions(a: EngineVersion, b: EngineVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Whether `version` is at least `major.minor[.patch]`. */
export function atLeast(version: EngineVersion, major: number, minor = 0, patch = 0): boolean {
  return compareVersions(version, { major, minor, patch }) >= 0;
}

export function formatVersion({ major, minor, patch }: EngineVersion): string {
  return `${major}.${minor}.${patch}`;
}

/** The newest release whose formats and behaviour kvdoctor knows. */
export const newestKnown: EngineVersion = { major: 11, minor: 9, patch: 0 };
