import { atLeast, type EngineVersion } from './version.js';

/** Format versions of block-based tables that a release reads (rocksdb include/rocksdb/table.h). */
export function tableFormats(version: EngineVersion): { oldest: number; newest: number } {
  return {
    oldest: atLeast(version, 11) ? 2 : 0,
    newest: atLeast(version, 10, 4) ? 7 : atLeast(version, 8, 6) ? 6 : 5,
  };
}

/**
 * Whether a release takes a key of that value type in a MANIFEST (rocksdb db/dbformat.h `IsExtendedValueType`). What it does not
 * know it refuses with the whole edit: facebook/rocksdb#14101. Types that every release since 6.0 knows are not asked about.
 */
export function takesKeyType(version: EngineVersion, type: number): boolean {
  switch (type) {
    case 0x14:
      return atLeast(version, 6, 6);
    case 0x16:
      return atLeast(version, 7, 4);
    case 0x18:
      return atLeast(version, 7, 9);
    case 0x1a:
      return atLeast(version, 9, 1) || (version.major === 8 && version.minor === 11 && version.patch >= 5);
    default:
      return true;
  }
}
