import { hex32 } from '../../bytes/hexdump.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { BackupFile } from '../../format/backup.js';
import { basename, nameInDatabase, parseBackupName } from '../../format/backup-name.js';
import { parseFileName } from '../../format/filename.js';
import type { Listing } from '../../io/listing.js';

/** A file that a backup lists, and what is known of it. */
interface ListedFile {
  listed: BackupFile;
  /** `meta/<id>`. */
  meta: string;
  /** CRC-32C of the whole file; absent when it was not computed or could not be. */
  crc?: number;
  /** What is wrong with its bytes is said elsewhere, or they are known to be right: only whether it is there is asked. */
  settled: boolean;
}

/** Holds one file against what its meta file and its name say of it: that it is there, its size, its CRC-32C. */
export function checkListedFile(listing: Listing, { listed, meta, crc, settled }: ListedFile): Finding[] {
  const { path } = listed;
  const file = listing.files.get(path);
  if (file === undefined) {
    if (listed.excluded) return [];
    const reason = listing.unlistable.find((name) => name.path === path)?.reason;
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
  if (parseFileName(nameInDatabase(path)).kind === 'other') return [notOfDatabase(meta, listed)];
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
      message: `the CRC-32C of the file is ${hex32(crc)}, ${listed.crc === undefined ? 'its name' : meta} says ${hex32(recorded)}`,
      evidence: {
        recorded: hex32(recorded),
        computed: hex32(crc),
        size: file.size,
        meta,
        engine: `While restoring ${path} expected checksum is ${bare(recorded)} while computed checksum is ${bare(crc)}`,
      },
    }),
  ];
}

/** The engine restores no file whose name it does not know. */
function notOfDatabase(meta: string, { path, entry }: BackupFile): Finding {
  const name = nameInDatabase(path);
  return findingAt({ file: meta }, 'backup/meta-malformed', {
    ...entry,
    message: `${path} has no name of a database file: restoring fails`,
    evidence: { engine: `Corruption: Backup corrupted: Fail to parse filename ${name}` },
  });
}

const bare = (crc: number) => crc.toString(16).toUpperCase().padStart(8, '0');
