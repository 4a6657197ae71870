import type { Depth } from '../check/unit.js';
import { byteSize, counted, grouped } from '../finding/quantity.js';
import { printable } from '../report/printable.js';
import { plainPalette } from '../report/reporter.js';
import { plainTable, rendered } from '../report/text/table.js';
import type { Estimate, ReadCost } from '../scan/estimate.js';
import type { ScanOptions } from '../scan/scan.js';
import { ExitStatus } from './exit-status.js';
import type { Host } from './host.js';
import { stdoutWidth } from './outputs.js';
import { refuseTarget } from './unopened.js';

/** Targets that are shown by themselves, the largest first. */
const SHOWN = 10;

const depths: readonly Depth[] = ['structure', 'checksums', 'full'];

/** Says what scans of targets would read, by depth; reads nothing but names and sizes. */
export async function dryRun(
  paths: readonly string[],
  { json, ...options }: ScanOptions & { json: boolean },
  host: Host,
): Promise<number> {
  const { estimateScan } = await import('../scan/estimate.js');
  const targets: Estimate[] = [];
  const unlisted: { path: string; reason: string }[] = [];
  for (const path of paths) {
    try {
      targets.push(await estimateScan(path, options));
    } catch (error) {
      const [{ reason }] = refuseTarget('scan', path, error, paths.length === 1).unchecked;
      unlisted.push({ path, reason });
    }
  }
  host.stdout.write(
    json
      ? `${JSON.stringify({ depths: totals(targets), targets, unlisted }, null, 2)}\n`
      : text(targets, unlisted, host),
  );
  return unlisted.length > 0 ? ExitStatus.incomplete : ExitStatus.ok;
}

function totals(targets: readonly Estimate[]): Record<Depth, ReadCost> {
  const sum = (depth: Depth, of: keyof ReadCost) =>
    targets.reduce((total, { depths: each }) => total + each[depth][of], 0);
  const total = (depth: Depth) => ({ bytes: sum(depth, 'bytes'), requests: sum(depth, 'requests') });
  return { structure: total('structure'), checksums: total('checksums'), full: total('full') };
}

function text(
  targets: readonly Estimate[],
  unlisted: readonly { path: string; reason: string }[],
  host: Host,
): string {
  const settings = { width: stdoutWidth(host), palette: plainPalette, verbose: false, quiet: false };
  const total = totals(targets);
  const files = targets.reduce((sum, each) => sum + each.files, 0);
  const bytes = targets.reduce((sum, each) => sum + each.bytes, 0);
  const table = plainTable(['depth', 'reads about', 'requests'], ['left', 'right', 'right'], settings);
  for (const depth of depths)
    table.push([
      depth,
      byteSize(total[depth].bytes),
      total[depth].requests === 0 ? '' : grouped(total[depth].requests),
    ]);
  const lines = [
    `${counted(targets.length, 'target')}, ${counted(files, 'file')}, ${byteSize(bytes)}`,
    rendered(table),
  ];
  if (targets.length > 1) {
    const largest = plainTable(['the largest', 'files', 'size'], ['left', 'right', 'right'], settings);
    for (const each of [...targets].sort((a, b) => b.bytes - a.bytes).slice(0, SHOWN))
      largest.push([printable(each.path), grouped(each.files), byteSize(each.bytes)]);
    lines.push(rendered(largest));
  }
  for (const { path, reason } of unlisted) lines.push(printable(`${path}: ${reason}`));
  return `${lines.join('\n')}\n`;
}
