import path from 'node:path';
import type { SourceDescriptor } from '../bytes/source.js';
import type { RuleId } from '../finding/catalog.js';
import type { Finding } from '../finding/finding.js';
import { findingAt } from '../finding/finding-at.js';
import { pieces } from '../io/deflated.js';
import { type ObjectChecksum, objectChecksum } from '../io/objects/checksum.js';
import { type ObjectDescriptor, rereading } from '../io/objects/source.js';
import { systemCode } from '../io/target-error.js';
import { type TemporaryFile, temporaryFile } from '../io/temporary-file.js';
import type { TargetReport } from '../report/report.js';
import type { ScanOptions } from './options.js';
import { pacer } from './run-unit.js';
import { scanFile } from './single-file.js';

/** Bytes that are read a second time for one target at most: the first damaged files say where to look. */
const MOST = 1 << 30;

/** Damage that a file shows by itself, whatever else is known of its database. */
const SHOWN_ALONE: ReadonlySet<RuleId> = new Set([
  'sst/block-checksum',
  'sst/footer-checksum',
  'wal/checksum-mismatch',
  'blob/record-checksum',
  'blob/record-header-checksum',
  'manifest/checksum-mismatch',
]);

/**
 * Tells of damaged files whether the damage was there before the upload: each is read once more, into a temporary file, held against the
 * checksum that the store keeps, and checked again. Adds findings to `report`, none to a file that has no error. Files that cannot be read
 * again, have no checksum that can be compared, or are too many, stay as they are. `until`: time after which no file is begun, as of
 * `performance.now()`.
 */
export async function compareWithStore(
  report: TargetReport,
  sources: ReadonlyMap<string, SourceDescriptor>,
  options: ScanOptions,
  until: number,
): Promise<void> {
  const keepPace = options.maxRead === undefined ? undefined : pacer(options.maxRead);
  const reread: Reread = { open: rereading(options.store ?? {}), keepPace };
  let left = MOST;
  for (const { path: file, status } of report.files) {
    const object = sources.get(file);
    if (status !== 'damaged' || object?.kind !== 'object' || object.size > left) continue;
    if (performance.now() > until) return;
    const found = report.findings.filter((each) => each.file === file && each.severity === 'error');
    const verdict = await verdictOf(object, found, options, reread);
    left -= object.size;
    if (verdict === undefined) continue;
    const { rule, message, checksum } = verdict;
    report.findings.push(findingAt({ file }, rule, { message, evidence: { checksum } }));
  }
}

interface Reread {
  open: ReturnType<typeof rereading>;
  keepPace: ((bytes: number) => Promise<void>) | undefined;
}

interface Verdict {
  rule: RuleId;
  message: string;
  checksum: string;
}

/** `undefined` where the second reading tells nothing. */
async function verdictOf(
  object: ObjectDescriptor,
  found: readonly Finding[],
  options: ScanOptions,
  reread: Reread,
): Promise<Verdict | undefined> {
  let copy: TemporaryFile | undefined;
  try {
    const checksum = await objectChecksum(object);
    if (checksum === undefined) return undefined;
    copy = await copyOf(object, checksum, reread);
    const isSame = checksum.isSame();
    if (isSame === undefined) return undefined;
    const again = await scanFile(
      `s3://${object.bucket}/${object.key}`,
      {
        jobs: 1,
        profile: 'none',
        store: object.store,
        ...(options.depth !== undefined && { depth: options.depth }),
      },
      {},
      { kind: 'file', path: copy.path },
    );
    return verdict(checksum.name, isSame, found, again);
  } catch (error) {
    // the store or the directory for temporary files: what the scan has found stands without this
    if (systemCode(error) === undefined) throw error;
    return undefined;
  } finally {
    await copy?.remove();
  }
}

function verdict(
  checksum: string,
  isSame: boolean,
  found: readonly Finding[],
  { findings, unchecked }: TargetReport,
): Verdict | undefined {
  const recurs = found.some(({ rule, offset, length }) =>
    findings.some((each) => each.rule === rule && each.offset === offset && each.length === length),
  );
  const kept = `match the checksum that the store keeps of it (${checksum})`;
  if (!isSame)
    return {
      rule: 'object/not-as-uploaded',
      checksum,
      message: `read again, the object does not ${kept}${recurs ? ', and has the same damage' : ''}`,
    };
  if (recurs)
    return {
      rule: 'object/uploaded-damaged',
      checksum,
      message: `read again, the object has the same damage, and its bytes ${kept}: it was damaged before the upload`,
    };
  const isWell = unchecked.length === 0 && findings.every(({ severity }) => severity === 'note');
  if (!isWell || !found.every(({ rule }) => SHOWN_ALONE.has(rule))) return undefined;
  return {
    rule: 'object/damaged-on-the-way',
    checksum,
    message: `read again, the object has no damage, and its bytes ${kept}: the first answer was changed on the way or in this machine`,
  };
}

/** A copy of an object on this machine, asked for anew and shown to its checksum. */
async function copyOf(
  object: ObjectDescriptor,
  checksum: ObjectChecksum,
  { open, keepPace }: Reread,
): Promise<TemporaryFile> {
  const source = open(object);
  async function* seen() {
    for await (const piece of pieces(source)) {
      checksum.update(piece);
      await keepPace?.(piece.length);
      yield piece;
    }
  }
  try {
    return await temporaryFile(path.posix.basename(object.key), seen());
  } finally {
    await source.close();
  }
}
