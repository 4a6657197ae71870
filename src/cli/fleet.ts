import type { StoreSettings } from '../bytes/source.js';
import { DirectorySink } from '../io/directory-sink.js';
import { systemCode } from '../io/target-error.js';
import { type FleetTarget, fleetOf, fleetPage, fleetTarget, fleetText } from '../report/fleet.js';
import { htmlReporter } from '../report/html.js';
import { redact } from '../report/redact.js';
import type { Report, TargetReport } from '../report/report.js';
import { plainPalette } from '../report/reporter.js';
import { buildReport } from '../report/summary.js';
import { ExitStatus, exitStatusOf } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import type { Host } from './host.js';
import { stdoutWidth } from './outputs.js';
import type { Policy } from './policy.js';
import { readReport } from './report-file.js';

export interface FleetSettings {
  policy: Policy;
  store?: StoreSettings;
  json: boolean;
  /** Where the pages go. */
  pages?: string;
}

/**
 * Merges reports into a summary. Of each target that was checked whole one line is kept, so that thousands of reports take no more memory
 * than the largest of them; parts of targets are put together at the end.
 */
export async function summarize(
  files: readonly string[],
  { policy, store, json, pages }: FleetSettings,
  host: Host,
): Promise<number> {
  const { isTold, mergeReports, MergeError, untold } = await import('../scan/shards/merge.js');
  const site = pages === undefined ? undefined : await siteAt(pages);
  const kept = new Map<string, FleetTarget>();
  const named = new Map<string, { target: TargetReport; of: Report }>();
  const parts: Report[] = [];
  const statuses = new Set<number>();
  let written = 0;
  const keep = async (given: TargetReport, of: Report) => {
    const target = policy.apply(given, false);
    const line = fleetTarget(target, of);
    const summary = { ...of.summary, unchecked: target.unchecked.length };
    statuses.add(exitStatusOf({ ...of, summary, targets: [target] }, policy.failOn));
    const before = kept.get(target.path);
    // as the merge has it, several whole reports of one target stand side by side; here the later one counts
    if (before !== undefined && before.checkedAt > line.checkedAt) return;
    if (site !== undefined) {
      written++;
      line.page = `${written}.html`;
      await writePage(site, line.page, target, of);
    }
    kept.set(target.path, line);
  };
  for (const file of files) {
    const report = await readReport(file, undefined, store).catch(async (error) => {
      await site?.abandon();
      throw error;
    });
    for (const target of report.targets) {
      if (target.shard !== undefined) continue;
      if (isTold(target)) await keep(target, report);
      else named.set(target.path, { target, of: { ...report, targets: [] } });
    }
    const cut = report.targets.filter(({ shard }) => shard !== undefined);
    if (cut.length > 0) parts.push({ ...report, targets: cut });
  }
  const merged = await mergeReports(parts).catch((error) => {
    if (!(error instanceof MergeError)) throw error;
    throw new Failure(`these reports do not go together: ${error.message}`, ExitStatus.usage);
  });
  for (const target of merged) await keep(target, parts[0]);
  for (const { target, of } of named.values()) if (!kept.has(target.path)) await keep(untold(target), of);
  const fleet = fleetOf([...kept.values()]);
  const settings = { width: stdoutWidth(host), palette: plainPalette, verbose: false, quiet: false };
  host.stdout.write(json ? `${JSON.stringify(fleet, null, 2)}\n` : fleetText(fleet, settings));
  if (site !== undefined) {
    await write(site, 'index.html', fleetPage(fleet));
    await site.commit();
  }
  const worst = [ExitStatus.interrupted, ExitStatus.findings, ExitStatus.incomplete];
  return worst.find((status) => statuses.has(status)) ?? ExitStatus.ok;
}

/** The directory of the pages, which appears when they are all there. */
async function siteAt(pages: string): Promise<DirectorySink> {
  try {
    return await DirectorySink.create(pages);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new Failure(`cannot write ${pages}: ${systemText(error)}`, ExitStatus.usage);
  }
}

async function writePage(site: DirectorySink, name: string, target: TargetReport, of: Report): Promise<void> {
  const { depth, startedAt, milliseconds, interrupted = false } = of.summary;
  const run = { depth, startedAt: new Date(startedAt), milliseconds, interrupted };
  await write(site, name, htmlReporter().render(redact(buildReport([target], run), 'values')));
}

async function write(site: DirectorySink, name: string, pieces: Iterable<string>): Promise<void> {
  const file = await site.file(name);
  await file.write(Buffer.from([...pieces].join('')));
  await file.close();
}
