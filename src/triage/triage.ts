import type { Incident, Program, Sighting, Symptom } from '../app/log-knowledge.js';
import { type Severity, severities } from '../finding/finding.js';
import { AnchorSearch } from './anchor-search.js';
import { recognize } from './incidents.js';
import { milestones, programs, symptoms, unknownCorruption } from './knowledge.js';
import { type LogLine, LogLines } from './log-lines.js';

/** Characters of a line that are kept. */
const KEPT_TEXT = 500;
/** Files that are kept for one symptom. */
const KEPT_FILES = 8;

/** What a log comes to. */
export interface Triage {
  lines: number;
  bytes: number;
  /** Programs that show themselves, with the version that the log names last. */
  programs: { name: string; version?: string }[];
  /**
   * The database directory, where a path in a message gives it away: an absolute one before one that is relative to where the server
   * was started.
   */
  directory?: string;
  /** Worst first, then as the log shows them first. */
  sightings: Sighting[];
  /** Known incidents that the sightings add up to. */
  incidents: Incident[];
}

/** A file of a database. */
const databaseFile =
  /(?<![\w.-])(?:\d{6,}\.(?:log|sst|ldb|blob)|MANIFEST-\d{6,}|OPTIONS-\d{6,}|CURRENT|LOCK)\b/g;

/** Characters before a file's name in which its directory is looked for. */
const LONGEST_DIRECTORY = 1024;

/**
 * The directory that stands before a file's name: absolute, relative to where the server was started, or of Windows, where it may
 * hold spaces.
 */
function directoryBefore(text: string, end: number): string | undefined {
  if (end === 0 || !/[\\/]/.test(text[end - 1])) return undefined;
  const before = text.slice(Math.max(0, end - LONGEST_DIRECTORY), end - 1);
  const windows = /(?:^|[^A-Za-z])([A-Za-z]:[\\/][^:'",;*?<>|]*)$/.exec(before)?.[1];
  const directory = windows ?? before.slice(before.search(/[^\s:'",;()[\]=<>]*$/));
  // "//host/db" is the rest of an address
  return directory === '' || directory.startsWith('//') ? undefined : directory;
}

/** What RocksDB adds to whatever error it meets while it reads the MANIFEST: it names no file that is damaged. */
const manifestSuffix = /The file \S*MANIFEST-\d+ may be corrupted\.?/i;

const isAbsolute = (directory: string) => /^(?:[\\/]|[A-Za-z]:)/.test(directory);
const rank = (severity: Severity) => severities.indexOf(severity);

/** What each word that is searched for belongs to. */
const entries = [
  ...[...symptoms, unknownCorruption].map((symptom) => ({ symptom, anchors: symptom.anchors })),
  ...programs.map((program) => ({ program, anchors: program.anchors })),
  ...milestones.map((milestone) => ({ milestone, anchors: milestone.anchors })),
];
const words = entries.flatMap((entry) => entry.anchors.map((anchor) => ({ entry, anchor })));

/** The symptoms that a line shows, without those that another one of them says better. */
export function symptomsIn(text: string, candidates: readonly Symptom[] = symptoms): Symptom[] {
  const said = text.replace(manifestSuffix, '');
  const matching = candidates.filter(
    (symptom) => symptom !== unknownCorruption && symptom.pattern.test(symptom.unknown ? text : said),
  );
  const known = matching.filter(({ unknown }) => unknown === undefined);
  const telling = known.length > 0 ? known : matching;
  const refined = new Set(telling.flatMap(({ refines = [] }) => refines));
  const found = telling.filter(({ id }) => !refined.has(id));
  return found.length === 0 && unknownCorruption.pattern.test(text) ? [unknownCorruption] : found;
}

/** Gathers what a log says, piece by piece, in memory that does not grow with the log. */
export class LogTriage {
  private readonly seen = new Map<string, Sighting>();
  private readonly versions = new Map<string, string | undefined>();
  private readonly reached = new Map<string, number>();
  private directory: string | undefined;
  private readonly lines = new LogLines(new AnchorSearch(words.map(({ anchor }) => anchor)), (line) =>
    this.take(line),
  );

  add(piece: Uint8Array): void {
    this.lines.add(piece);
  }

  end(): Triage {
    const size = this.lines.end();
    const sightings = [...this.seen.values()].sort(
      (a, b) => rank(a.symptom.severity) - rank(b.symptom.severity) || a.first.line - b.first.line,
    );
    return {
      ...size,
      programs: [...this.versions].map(([name, version]) => ({ name, ...(version && { version }) })),
      ...(this.directory && { directory: this.directory }),
      sightings,
      incidents: recognize({ seen: this.seen, versions: this.versions, reached: this.reached }),
    };
  }

  private take(line: LogLine): void {
    const candidates = new Set<Symptom>();
    for (const index of line.words) {
      const { entry } = words[index];
      if ('symptom' in entry) candidates.add(entry.symptom);
      else if ('program' in entry) this.program(entry.program, line.text);
      else if (entry.milestone.pattern.test(line.text)) this.reached.set(entry.milestone.id, line.number);
    }
    if (candidates.size === 0) return;
    for (const symptom of symptomsIn(line.text, [...candidates])) this.sight(symptom, line);
  }

  private program({ name, pattern }: Program, text: string): void {
    const match = pattern.exec(text);
    if (match !== null) this.versions.set(name, match[1] ?? this.versions.get(name));
  }

  private lies(directory: string | undefined): void {
    if (directory === undefined) return;
    if (this.directory === undefined || (isAbsolute(directory) && !isAbsolute(this.directory)))
      this.directory = directory;
  }

  private sight(symptom: Symptom, { number, offset, text }: LogLine): void {
    const place = { line: number, offset, text: text.slice(0, KEPT_TEXT) };
    let sighting = this.seen.get(symptom.id);
    if (sighting === undefined) {
      sighting = { symptom, count: 0, first: place, last: place, files: [] };
      this.seen.set(symptom.id, sighting);
    }
    sighting.count++;
    sighting.last = place;
    const telling = symptom.unknown ? text : text.replace(manifestSuffix, '');
    for (const { 0: file, index } of telling.matchAll(databaseFile)) {
      this.lies(directoryBefore(telling, index));
      if (sighting.files.length < KEPT_FILES && !sighting.files.includes(file)) sighting.files.push(file);
    }
  }
}

/** Whether a log speaks of damage, be it in words that nothing here knows. */
export function speaksOfDamage({ incidents, sightings }: Triage): boolean {
  return (
    incidents.length > 0 || sightings.some(({ symptom }) => symptom.severity === 'error' || symptom.unknown)
  );
}
