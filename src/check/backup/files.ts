import type { Finding } from '../../finding/finding.js';
import { type BackupFile, parseBackupName } from '../../format/backup.js';
import type { FileTree } from '../../io/tree.js';
import { findingAt } from '../directory/place.js';

/** A file that a backup lists, and what is known of it. */
export interface ListedFile {
  listed: BackupFile;
  /** `meta/<id>`. */
  meta: string;
  /** CRC-32C of the whole file; absent when it was not computed or could not be. */
  crc?: number;
  /** What is wrong with its bytes is said elsewhere, or they are known to be right: only whether it is there is asked. */
  settled: boolean;
}

/** Holds one file against what its meta file and its name say of it: that it is there, its size, its CRC-32C. */
export function checkListedFile(tree: FileTree, { listed, meta, crc, settled }: ListedFile): Finding[] {
  const { path } = listed;
  const file = tree.files.get(path);
  if (file === undefined) {
    if (listed.excluded) return [];
    const reason = tree.unlistable.find((name) => name.path === path)?.reason;
    return [
      findingAt({ file: path }, 'backup/missing-file', {
        message: `${meta} lists the file; ${reason === undefined ? 'it is not there' : `it is ${reason}`}`,
        evidence: {
          meta,
          metaOffset: listed.entry.offset,
          engine: `Corruption: Pathname in meta file not found on disk: ${path}`,
        },
      }),
    ];
  }
  if (settled) return [];
  const named = parseBackupName(basename(path));
  const size = listed.size ?? named.size;
  if (size !== undefined && size !== file.size) {
    const cut = file.size < size;
    return [
      findingAt({ file: path }, 'backup/wrong-size', {
        offset: cut ? file.size : size,
        length: cut ? 0 : file.size - size,
        message: `the file has ${file.size} bytes, ${listed.size === undefined ? 'its name' : meta} says ${size}`,
        evidence: { recorded: size, actual: file.size, meta },
      }),
    ];
  }
  const recorded = listed.crc ?? named.crc;
  if (crc === undefined || recorded === undefined || crc === recorded) {
    return named.crc !== undefined && listed.crc !== undefined && named.crc !== listed.crc
      ? [
          findingAt({ file: meta }, 'backup/checksum', {
            ...listed.entry,
            message: `the checksum of ${path} is ${listed.crc} here and ${named.crc} in the file's name`,
            evidence: {
              recorded: listed.crc,
              inName: named.crc,
              ...(crc === undefined ? {} : { computed: crc }),
            },
          }),
        ]
      : [];
  }
  return [
    findingAt({ file: path }, 'backup/checksum', {
      message: `the CRC-32C of the file is ${hex(crc)}, ${listed.crc === undefined ? 'its name' : meta} says ${hex(recorded)}`,
      evidence: {
        recorded: hex(recorded),
        computed: hex(crc),
        size: file.size,
        meta,
        engine: `While restoring ${path} expected checksum is ${bare(recorded)} while computed checksum is ${bare(crc)}`,
      },
    }),
  ];
}

/** What several backups record of one shared file, where they do not agree. */
export function checkAgreement(
  records: readonly { meta: string; listed: BackupFile; crc?: number }[],
): Finding[] {
  const [first, ...rest] = records;
  return rest
    .filter(({ listed }) => differ(listed.crc, first.listed.crc) || differ(listed.size, first.listed.size))
    .map(({ meta, listed, crc }) => {
      const blamed = crc !== undefined && listed.crc === crc ? first : { meta, listed };
      const other = blamed === first ? { meta, listed } : first;
      return findingAt({ file: blamed.meta }, 'backup/conflicting-checksums', {
        ...blamed.listed.entry,
        message: `${blamed.meta} and ${other.meta} record different checksums or sizes of ${listed.path}`,
        evidence: {
          ...recordOf(blamed.meta, blamed.listed),
          ...recordOf(other.meta, other.listed),
          ...(crc === undefined ? {} : { computed: hex(crc) }),
        },
      });
    });
}

function recordOf(meta: string, { crc, size }: BackupFile): Record<string, string> {
  const crcText = crc === undefined ? 'no checksum' : hex(crc);
  return { [meta]: size === undefined ? crcText : `${crcText}, ${size} bytes` };
}

const differ = (a: number | undefined, b: number | undefined) =>
  a !== undefined && b !== undefined && a !== b;
const bare = (crc: number) => crc.toString(16).toUpperCase().padStart(8, '0');
const hex = (crc: number) => `0x${crc.toString(16).padStart(8, '0')}`;

export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
