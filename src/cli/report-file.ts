import type { StoreSettings } from '../bytes/source.js';
import { isObjectAddress } from '../io/objects/address.js';
import { systemCode } from '../io/target-error.js';
import { isYetToBeWritten, readText, TEXT_LIMIT, tooLong } from '../io/text-file.js';
import { parseReport, ReportError } from '../report/load.js';
import type { Report } from '../report/report.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemText } from './failure.js';

/** What is left of a limit that several reports share, bytes. */
interface Budget {
  left: number;
}

/** The report of an earlier run; undefined on the first, which finds no such file. A directory that is not there is a mistake. */
export async function readEarlier(path: string): Promise<Report | undefined> {
  return (await isYetToBeWritten(path)) ? undefined : readReport(path);
}

/** A report that a person named. Failures say which file and what is wrong with it; `BeyondLimit`: it is too large. */
export async function readReport(
  path: string,
  budget: Budget = { left: TEXT_LIMIT },
  store?: StoreSettings,
): Promise<Report> {
  try {
    const text = isObjectAddress(path)
      ? await readObjectText(path, budget.left, store)
      : await readText(path === '-' ? '/dev/stdin' : path, budget.left);
    budget.left -= text.length;
    return await parseReport(text);
  } catch (error) {
    if (systemCode(error) !== undefined) throw new Failure(`${path}: ${systemText(error)}`);
    if (!(error instanceof ReportError)) throw error;
    const hint = 'Reports are made by: kvdoctor scan --format json=REPORT.json DIR.';
    throw new Failure(`cannot use ${path}: ${error.message}`, ExitStatus.usage, hint);
  }
}

async function readObjectText(path: string, limit: number, store?: StoreSettings): Promise<string> {
  const { listObjects } = await import('../io/objects/listing.js');
  const place = await listObjects(path, store);
  if (place.kind === 'directory') throw new Failure(`${path} is no object, but the prefix of several`);
  const { source, size } = place.file;
  if (size > limit) throw tooLong(path);
  const { readHead } = await import('../io/head.js');
  return Buffer.from(await readHead(source, size)).toString();
}
