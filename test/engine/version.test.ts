import { expect, it } from 'vitest';
import { atLeast, compareVersions, formatVersion, parseVersion } from '../../src/engine/version.js';

it('parses what people and OPTIONS files write', () => {
  expect(parseVersion('11.9')).toEqual({ major: 11, minor: 9, patch: 0 });
  expect(parseVersion('v6.17.3')).toEqual({ major: 6, minor: 17, patch: 3 });
  expect(parseVersion('latest')).toBeUndefined();
  expect(formatVersion(parseVersion('9.7.4')!)).toBe('9.7.4');
});

it('orders releases by number, not by text', () => {
  expect(compareVersions(parseVersion('9.11')!, parseVersion('9.2')!)).toBeGreaterThan(0);
  expect(atLeast(parseVersion('9.1.0')!, 9, 1)).toBe(true);
  expect(atLeast(parseVersion('8.11.4')!, 9, 1)).toBe(false);
});
