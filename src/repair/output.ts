import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { parseFileName } from '../format/filename.js';
import { interruptible } from '../io/interruption.js';
import { isWithin } from '../io/real-place.js';
import { openSource } from '../io/source.js';
import { chunksOf, contentOf } from './content.js';
import type { Disk } from './disk.js';
import { checkInputs } from './inputs.js';
import { absolute, type FilePlace } from './place.js';
import type { RepairPlan } from './plan.js';
import { Refusal, stopIfAborted, untilAborted } from './refusal.js';

/**
 * Files that no engine changes in place once they are written: tables and blob files. Only these may share their bytes with
 * the original by a hard link; a WAL is truncated and recycled, a MANIFEST appended to.
 */
const IMMUTABLE = /^\d+\.(sst|ldb|blob)$/;

/** Whether a copy on the same device costs no bytes for a file of this name. */
export function isShared(name: string): boolean {
  return IMMUTABLE.test(name);
}

/** Files that describe a running process, not the data. */
const NOT_COPIED = /^(LOCK|.*\.kvdoctor-new|CURRENT\.kvdoctor-barrier|marker\.kvdoctor-repair-under-way)$/;

interface CopyOptions {
  /** Directories in the target that a plan may name as roots. */
  inside?: readonly string[];
  signal?: AbortSignal;
}

/**
 * Carries out a plan on a copy: the original is only read. The copy is built beside its final name and renamed at the end,
 * so what has the final name is complete. Returns what the medium did not give back of files that the plan leaves as they are.
 */
export async function applyToCopy(
  plan: RepairPlan,
  output: string,
  disk: Disk,
  { inside = [], signal }: CopyOptions = {},
): Promise<string[]> {
  const outside = plan.steps.find(({ root }) => root !== undefined && !inside.includes(root));
  if (outside) {
    throw new Refusal(
      'usage',
      `${outside.root} lies outside ${plan.target}: a copy of the directory alone would still use it`,
      'use --in-place, or copy the whole layout first',
    );
  }
  if (await disk.stat(output)) throw taken(output);
  const goOn = signal && interruptible(signal);
  try {
    return await copied(plan, output, disk, signal);
  } finally {
    goOn?.();
  }
}

async function copied(
  plan: RepairPlan,
  output: string,
  disk: Disk,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  await checkInputs(plan);
  const parent = path.dirname(output);
  // a directory under a unique name: another copy may be made at the same moment
  const partial = await fs.mkdtemp(path.join(parent, `${path.basename(output)}.kvdoctor-partial-`));
  const unread: string[] = [];
  try {
    await copyTree(
      plan,
      {
        ...{ from: Buffer.from(plan.target), to: Buffer.from(partial), relative: '', unread },
        ...(signal && { signal }),
      },
      disk,
    );
    for (const step of plan.steps) {
      if (step.action !== 'write') continue;
      // a file that was not there before is for whoever reads CURRENT
      const like =
        (await fs.stat(absolute(plan.target, step)).catch(() => undefined)) ??
        (await disk.stat(path.join(plan.target, 'CURRENT')));
      const file = path.join(partial, pathInTarget(plan, step));
      await fs.mkdir(path.dirname(file), { recursive: true });
      const content = untilAborted(contentOf(plan.target, step.content), signal);
      await disk.create(file, content, like);
    }
    await checkInputs(plan);
    stopIfAborted(signal);
    await disk.syncDirectory(partial);
    if (await disk.stat(output)) throw taken(output);
    // replaces nothing that holds anything: a directory is renamed over an empty one only
    await disk.rename(partial, output);
  } catch (error) {
    await fs.rm(partial, { recursive: true, force: true });
    throw ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
      ? taken(output)
      : error;
  }
  await disk.syncDirectory(parent);
  return unread;
}

/** Where a step writes, as seen from the target. */
function pathInTarget({ target }: RepairPlan, step: FilePlace): string {
  return path.relative(target, absolute(target, step));
}

function taken(output: string): Refusal {
  return new Refusal('usage', `${output} is there already`, 'name a directory that does not exist');
}

interface Copying {
  from: Buffer;
  to: Buffer;
  /** The directory's path below the target. */
  relative: string;
  unread: string[];
  signal?: AbortSignal;
}

async function copyTree(plan: RepairPlan, copying: Copying, disk: Disk): Promise<void> {
  const { from, to, relative, unread, signal } = copying;
  for (const { name, text, status } of await listed(from)) {
    const inPlan = path.join(relative, text);
    const [source, target] = [below(from, name), below(to, name)];
    if (
      plan.steps.some((s) => pathInTarget(plan, s) === inPlan) ||
      (relative === '' && NOT_COPIED.test(text))
    )
      continue;
    if (status.isDirectory()) {
      await fs.mkdir(target, { mode: 0o700 });
      await copyTree(plan, { ...copying, from: source, to: target, relative: inPlan }, disk);
    } else if ((await whyNotCopied(plan.target, source, status)) === undefined) {
      const lost = await copyFile(source, target, isShared(text), signal);
      if (lost > 0)
        unread.push(`${inPlan}: the disk does not give back ${lost} bytes, which are lost in the copy`);
    }
  }
  await takeOwner(to, await fs.stat(from));
  await disk.syncDirectory(to);
}

/** A name in a directory, whatever bytes it is of. */
interface Listed {
  name: Buffer;
  text: string;
  status: Stats;
}

async function listed(directory: Buffer): Promise<Listed[]> {
  const names = await fs.readdir(directory, { encoding: 'buffer' });
  return Promise.all(
    names.map(async (name) => ({
      name,
      text: name.toString(),
      status: await fs.lstat(below(directory, name)),
    })),
  );
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from(path.sep), name]);
}

/** Gives a copied directory the owner, the mode and the times of its original. */
async function takeOwner(directory: Buffer, { mode, uid, gid, atime, mtime }: Stats): Promise<void> {
  await fs.chown(directory, uid, gid).catch(() => undefined);
  await fs.chmod(directory, mode & 0o7777);
  await fs.utimes(directory, atime, mtime);
}

/** What a copy of a directory leaves out, and why: what is no file, and links that lead to none or to another one outside. */
export async function notCopied(target: string): Promise<string[]> {
  const left: string[] = [];
  const look = async (directory: Buffer, relative: string) => {
    for (const { name, text, status } of await listed(directory)) {
      const inTarget = path.join(relative, text);
      const file = below(directory, name);
      if (status.isDirectory()) await look(file, inTarget);
      else {
        const why = await whyNotCopied(target, file, status);
        if (why !== undefined) left.push(`${inTarget} is not copied: ${why}`);
      }
    }
  };
  await look(Buffer.from(target), '');
  return left;
}

async function whyNotCopied(target: string, file: Buffer, status: Stats): Promise<string | undefined> {
  if (status.isFile()) return undefined;
  if (!status.isSymbolicLink()) return 'it is no file';
  const real = await fs.realpath(file, { encoding: 'buffer' }).catch(() => undefined);
  if (real === undefined) return 'it is a link that leads nowhere';
  const place = real.toString();
  if (!(await fs.stat(real)).isFile()) return `it is a link to ${place}, which is no file`;
  // a WAL or a table on another device keeps its name
  const name = path.basename(place);
  const known = name === path.basename(file.toString()) && parseFileName(name).kind !== 'other';
  return known || isWithin(await fs.realpath(target), place)
    ? undefined
    : `it is a link to ${place}, outside the directory`;
}

/** By reflink where the file system can, else by hard link where that is safe, else byte by byte. Returns the bytes that are lost. */
async function copyFile(from: Buffer, to: Buffer, immutable: boolean, signal?: AbortSignal): Promise<number> {
  stopIfAborted(signal);
  let lost = 0;
  try {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
  } catch {
    await fs.rm(to, { force: true });
    const linked =
      immutable &&
      (await fs.link(await fs.realpath(from, { encoding: 'buffer' }), to).then(
        () => true,
        () => false,
      ));
    if (linked) return 0;
    lost = await copyBytes(from, to, signal);
  }
  const { mode, uid, gid, atime, mtime } = await fs.stat(from);
  const handle = await fs.open(to, 'r+');
  try {
    await handle.chown(uid, gid).catch(() => undefined);
    await handle.chmod(mode & 0o7777);
    await handle.utimes(atime, mtime);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return lost;
}

/** Goes around what the medium does not give back. Returns how many bytes that is. */
async function copyBytes(from: Buffer, to: Buffer, signal?: AbortSignal): Promise<number> {
  const source = await openSource({ kind: 'file', path: from });
  try {
    await fs.writeFile(to, untilAborted(chunksOf(source, 0, source.size), signal), { flag: 'wx' });
    return (source.unreadable ?? []).reduce((sum, { length }) => sum + length, 0);
  } finally {
    await source.close();
  }
}
