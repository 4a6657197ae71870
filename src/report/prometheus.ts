import { printable } from './printable.js';
import type { Report, TargetReport } from './report.js';
import type { Reporter } from './reporter.js';
import { targetVerdict } from './summary.js';

type Labels = Record<string, string>;

interface Metric {
  name: string;
  help: string;
  samples: { labels: Labels; value: number }[];
}

function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${printable(value).replace(/["\\]/g, '\\$&')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const seconds = (time: string) => Date.parse(time) / 1000;

/** When the file that was read longest ago was read. Files that a sample left out were not read at any known time. */
function oldestRead({ files }: TargetReport, startedAt: string): number {
  const times = files.flatMap(({ checkedAt }) => (checkedAt === undefined ? [] : [seconds(checkedAt)]));
  return times.reduce((oldest, time) => Math.min(oldest, time), seconds(startedAt));
}

/** Findings of a target by rule and severity. */
function findingCounts({ findings }: TargetReport): { labels: Labels; value: number }[] {
  const counts = new Map<string, { labels: Labels; value: number }>();
  for (const { rule, severity } of findings) {
    const key = `${rule} ${severity}`;
    const before = counts.get(key);
    if (before === undefined) counts.set(key, { labels: { rule, severity }, value: 1 });
    else before.value++;
  }
  return [...counts.values()];
}

function metricsOf({ tool, targets, summary }: Report): Metric[] {
  // a series may stand in the file once: a target that was named twice is one
  const once = [...new Map(targets.map((target) => [printable(target.path), target])).values()];
  const each = (of: (target: TargetReport) => number) =>
    once.map((target) => ({ labels: { target: target.path }, value: of(target) }));
  const one = (value: number, labels: Labels = {}) => [{ labels, value }];
  return [
    {
      name: 'kvdoctor_verdict',
      help: '1 for what the target is: clean, damaged, or incomplete when not everything could be checked.',
      samples: once.flatMap((target) => {
        const verdict = targetVerdict(target, summary.interrupted);
        return ['clean', 'damaged', 'incomplete'].map((name) => ({
          labels: { target: target.path, verdict: name },
          value: Number(name === verdict),
        }));
      }),
    },
    {
      name: 'kvdoctor_findings',
      help: 'Findings, by rule and severity.',
      samples: once.flatMap((target) =>
        findingCounts(target).map(({ labels, value }) => ({
          labels: { target: target.path, ...labels },
          value,
        })),
      ),
    },
    {
      name: 'kvdoctor_unchecked',
      help: 'Files or ranges that could not be checked.',
      samples: each(({ unchecked }) => unchecked.length),
    },
    { name: 'kvdoctor_files', help: 'Files seen.', samples: each(({ files }) => files.length) },
    {
      name: 'kvdoctor_bytes',
      help: 'Bytes of the files seen.',
      samples: each(({ files }) => files.reduce((sum, { size }) => sum + size, 0)),
    },
    {
      name: 'kvdoctor_read_bytes',
      help: 'Bytes that this scan read.',
      samples: each(({ bytesRead }) => bytesRead),
    },
    {
      name: 'kvdoctor_oldest_read_timestamp_seconds',
      help: 'When the file that was read longest ago was read, by this scan or an earlier one that --since named.',
      samples: each((target) => oldestRead(target, summary.startedAt)),
    },
    {
      name: 'kvdoctor_scan_timestamp_seconds',
      help: 'When the scan began.',
      samples: one(seconds(summary.startedAt)),
    },
    {
      name: 'kvdoctor_scan_duration_seconds',
      help: 'How long the scan took, over all targets.',
      samples: one(summary.milliseconds / 1000),
    },
    {
      name: 'kvdoctor_scan_interrupted',
      help: '1 when the scan was interrupted.',
      samples: one(Number(summary.interrupted ?? false)),
    },
    { name: 'kvdoctor_info', help: 'The version of kvdoctor.', samples: one(1, { version: tool.version }) },
  ];
}

/** Metrics in Prometheus' text format, for the textfile collector of node_exporter. */
export function prometheusReporter(): Reporter {
  return {
    *render(report) {
      for (const { name, help, samples } of metricsOf(report)) {
        if (samples.length === 0) continue;
        yield `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
        for (const { labels, value } of samples) yield `${name}${labelled(labels)} ${value}\n`;
      }
    },
  };
}
