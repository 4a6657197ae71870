import type { Command } from 'commander';
import type { Redaction } from '../report/redact.js';
import { choice, several, version } from './choices.js';
import { type ColorChoice, colorChoices } from './colour.js';
import { formatOption, type OutputChoice } from './outputs.js';

/** What commander makes of the options that every command about a directory has. */
export interface TargetFlags {
  format?: OutputChoice[];
  redact?: Redaction;
  color: ColorChoice;
  quiet?: true;
  verbose?: true;
  progress: boolean;
  dbPath?: string[];
  walDir?: string;
  engineVersion?: string;
}

/** Adds them to a command, behind its own. */
export function withTargetOptions(command: Command): Command {
  return command
    .addOption(formatOption())
    .option(
      '--db-path <dir>',
      'where db_paths of OPTIONS lies now; may be given several times, in order',
      several,
    )
    .option('--wal-dir <dir>', 'where wal_dir of OPTIONS lies now')
    .option(
      '--engine-version <version>',
      'the engine that will open it (default: what OPTIONS says)',
      version,
    )
    .addOption(choice('--redact <what>', 'leave private bytes out of the report', ['values', 'keys', 'none']))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-q, --quiet', 'no progress, no notes, and nothing at all about what is clean')
    .option('-v, --verbose', 'show every finding and every file; stack traces on failures')
    .option('--no-progress', 'no progress bar');
}

/** Where the files lie and which engine will open them, as the library takes it. */
export function placesOf({ dbPath, walDir, engineVersion }: TargetFlags) {
  return {
    ...(dbPath && { dbPaths: dbPath }),
    ...(walDir && { walDir }),
    ...(engineVersion && { engineVersion }),
  };
}
