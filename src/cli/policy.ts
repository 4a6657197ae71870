import type { Command } from 'commander';
import { systemCode } from '../io/target-error.js';
import { readText, readTextIfThere } from '../io/text-file.js';
import { earlierTarget, markKnown } from '../report/baseline.js';
import type { Redaction } from '../report/redact.js';
import type { Report, TargetReport } from '../report/report.js';
import { CONFIG_NAME, ConfigError, parseConfig } from '../scan/config.js';
import { applyPolicy, type Config, hasExpired, policyFor, type TargetPolicy } from '../scan/policy.js';
import { isStated } from './environment.js';
import type { FailOn } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import type { Host } from './host.js';
import { type OutputChoice, parseFormat } from './outputs.js';
import { readReport } from './report-file.js';
import { say } from './say.js';

/** What commander makes of the options about policy. */
export interface PolicyFlags {
  config?: string;
  baseline?: string;
  failOn: FailOn;
  format?: OutputChoice[];
  redact?: Redaction;
  jobs?: number;
}

/** Adds the options about policy to a command. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option(
      '--config <file>',
      `policy: severities, ignores, settings for paths (default: ${CONFIG_NAME}, if there)`,
    )
    .option('--baseline <report>', 'an earlier JSON report: its findings do not count for the exit status');
}

/** What holds for the targets of one run. */
export interface Policy {
  /** Settings for a target from the configuration. */
  of(path: string): TargetPolicy;
  /** A target's report with severities, ignores and baseline applied. */
  apply(target: TargetReport, alone: boolean): TargetReport;
  failOn(target: TargetReport): FailOn;
}

async function readConfig(path: string | undefined): Promise<Config> {
  try {
    const text = path === undefined ? await readTextIfThere(CONFIG_NAME) : await readText(path);
    return text === undefined ? {} : await parseConfig(text);
  } catch (error) {
    const name = path ?? CONFIG_NAME;
    if (systemCode(error) !== undefined) throw new Failure(`${name}: ${systemText(error)}`);
    if (!(error instanceof ConfigError)) throw error;
    throw new Failure(
      `cannot use ${name}: ${error.message}`,
      undefined,
      'kvdoctor.config.schema.json describes it.',
    );
  }
}

/** Ignores that no longer hold are said, so that somebody looks at them. */
function warnOfExpired(config: Config, now: Date, host: Host): void {
  const all = [config, ...(config.paths ?? [])].flatMap(({ ignore = [] }) => ignore);
  for (const each of all.filter((ignore) => hasExpired(ignore, now))) {
    say(host, `kvdoctor: the ignore of ${each.rule} ended on ${each.expires} (${each.reason})`);
  }
}

/** Reads configuration and baseline, and sets what the command line and the environment leave open. */
export async function loadPolicy(command: Command, host: Host, now = new Date()): Promise<Policy> {
  const flags: PolicyFlags = command.opts();
  const config = await readConfig(flags.config);
  warnOfExpired(config, now, host);
  const baseline: Report | undefined =
    flags.baseline === undefined ? undefined : await readReport(flags.baseline);
  const open = (name: string) => !isStated(command, name);
  if (config.format !== undefined && open('format')) {
    const format = config.format.reduce<OutputChoice[]>((before, text) => parseFormat(text, before), []);
    command.setOptionValueWithSource('format', format, 'config');
  }
  for (const name of ['redact', 'jobs'] as const) {
    if (config[name] !== undefined && open(name))
      command.setOptionValueWithSource(name, config[name], 'config');
  }
  const stated = open('failOn') ? undefined : flags.failOn;
  return {
    of: (path) => policyFor(config, path),
    apply(target, alone) {
      const judged = applyPolicy(target, policyFor(config, target.path), now);
      return baseline === undefined ? judged : markKnown(judged, earlierTarget(baseline, target.path, alone));
    },
    failOn: ({ path }) => stated ?? policyFor(config, path).failOn ?? 'error',
  };
}
