import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { checkInputs } from './apply.js';
import { contentOf } from './content.js';
import type { Disk } from './disk.js';
import { absolute } from './place.js';
import type { RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';

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
const NOT_COPIED = /^(LOCK|.*\.kvdoctor-new|CURRENT\.kvdoctor-barrier)$/;

/**
 * Carries out a plan on a copy: the original is only read. The copy is built beside its final name and renamed at the end,
 * so what has the final name is complete.
 */
export async function applyToCopy(plan: RepairPlan, output: string, disk: Disk): Promise<void> {
  const outside = plan.steps.find((s) => s.root !== undefined);
  if (outside) {
    throw new Refusal(
      'usage',
      `${outside.root} lies outside ${plan.target}: a copy of the directory alone would still use it`,
      'use --in-place, or copy the whole layout first',
    );
  }
  if (await disk.stat(output))
    throw new Refusal('usage', `${output} is there already`, 'name a directory that does not exist');
  await checkInputs(plan);
  const partial = `${output}.kvdoctor-partial`;
  await fs.rm(partial, { recursive: true, force: true });
  await copyTree(plan, plan.target, partial, '', disk);
  for (const step of plan.steps) {
    if (step.action !== 'write') continue;
    const like = await disk.stat(absolute(plan.target, step));
    await fs.mkdir(path.dirname(path.join(partial, step.path)), { recursive: true });
    await disk.create(path.join(partial, step.path), contentOf(plan.target, step.content), like);
  }
  await checkInputs(plan);
  await disk.syncDirectory(partial);
  await disk.rename(partial, output);
  await disk.syncDirectory(path.dirname(output));
}

async function copyTree(
  plan: RepairPlan,
  from: string,
  to: string,
  relative: string,
  disk: Disk,
): Promise<void> {
  const { mode } = await fs.stat(from);
  await fs.mkdir(to, { mode: mode & 0o7777 });
  for (const entry of await fs.readdir(from, { withFileTypes: true })) {
    const inPlan = path.join(relative, entry.name);
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (plan.steps.some((s) => s.path === inPlan) || (relative === '' && NOT_COPIED.test(entry.name)))
      continue;
    if (entry.isDirectory()) await copyTree(plan, source, target, inPlan, disk);
    else if (entry.isFile() || entry.isSymbolicLink()) await copyFile(source, target, isShared(entry.name));
  }
  await disk.syncDirectory(to);
}

/** By reflink where the file system can, else by hard link where that is safe, else byte by byte. */
async function copyFile(from: string, to: string, immutable: boolean): Promise<void> {
  try {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
  } catch {
    await fs.rm(to, { force: true });
    const linked =
      immutable &&
      (await fs.link(await fs.realpath(from), to).then(
        () => true,
        () => false,
      ));
    if (linked) return;
    await fs.copyFile(from, to, constants.COPYFILE_EXCL);
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
}
