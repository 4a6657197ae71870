import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { type ProfileChoice, profileChoices } from '../app/profile-choice.js';
import { choice, positive, several, version } from './choices.js';
import { addOutputOptions, type OutputFlags } from './output-options.js';
import { type StoreFlags, storeOf, withStoreOptions } from './store-options.js';

/** What commander makes of the options that every command about a directory has. */
export interface TargetFlags extends OutputFlags, StoreFlags {
  progress: boolean;
  dbPath?: string[];
  walDir?: string;
  engineVersion?: string;
  profile?: ProfileChoice;
}

/** Adds them to a command, after its own. */
export function withTargetOptions(command: Command): Command {
  return withPlaceOptions(addOutputOptions(command)).option('--no-progress', 'no progress bar');
}

/** Adds the options for where the files are and which engine reads them. */
export function withPlaceOptions(command: Command): Command {
  return withStoreOptions(command)
    .option(
      '--db-path <dir>',
      'where db_paths of OPTIONS lies now; may be given several times, in order',
      several,
    )
    .option('--wal-dir <dir>', 'where wal_dir of OPTIONS lies now, or secondary_dir of Pebble')
    .option(
      '--engine-version <version>',
      'the engine that will open it (default: what OPTIONS or LOG states)',
      version,
    )
    .addOption(profileOption());
}

/** The option that names the application, for commands that speak in its words. */
export function profileOption() {
  return choice('--profile <name>', 'the application that wrote it (default: recognised)', profileChoices);
}

/** Adds the option that looks at another state than the one that CURRENT leads to. */
export function withStateOption(command: Command): Command {
  return command.option(
    '--state <n>',
    'look at this one of the states that the files can give, put together in memory',
    positive,
  );
}

/** Adds the option that asks what second sources could give back. */
export function withFromOption(command: Command, ...conflicting: string[]): Command {
  return command.addOption(
    new Option(
      '--from <source>',
      'also say what repair would put back from this checkpoint, backup directory, archive or other copy; may be given several times',
    )
      .argParser(several)
      .conflicts(conflicting),
  );
}

/** Where the files lie, which engine will open them and which application they are of, as the library takes it. */
export function placesOf({
  dbPath,
  walDir,
  engineVersion,
  profile,
  ...flags
}: Pick<TargetFlags, 'dbPath' | 'walDir' | 'engineVersion' | 'profile'> & StoreFlags) {
  return {
    ...storeOf(flags),
    ...(dbPath && { dbPaths: dbPath }),
    ...(walDir && { walDir }),
    ...(engineVersion && { engineVersion }),
    ...(profile && { profile }),
  };
}

/** How many threads read. */
export function jobsOption(): Option {
  return new Option('--jobs <n>', 'threads that check files')
    .argParser(positive)
    .default(availableParallelism(), 'one for each processor');
}
