import { readText } from '../io/text-file.js';
import { parseReport, ReportError } from '../report/load.js';
import type { Report } from '../report/report.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemCode, systemText } from './failure.js';

/** A report that a person named. Failures say which file and what is wrong with it. */
export async function readReport(path: string): Promise<Report> {
  try {
    return await parseReport(await readText(path === '-' ? '/dev/stdin' : path));
  } catch (error) {
    if (systemCode(error) !== undefined) throw new Failure(`${path}: ${systemText(error)}`);
    if (!(error instanceof ReportError)) throw error;
    const hint = 'Reports are made by: kvdoctor scan --format json=REPORT.json DIR.';
    throw new Failure(`cannot use ${path}: ${error.message}`, ExitStatus.usage, hint);
  }
}
