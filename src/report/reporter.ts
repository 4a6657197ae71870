import type { Finding } from '../finding/finding.js';
import type { Redaction } from './redact.js';
import type { Report } from './report.js';

/** What an output may use of the place it is written to. Made by the command line: outputs know no terminal themselves. */
export interface RenderSettings {
  /** Columns that a line may take. */
  width: number;
  palette: Palette;
  /** Show everything: no folding of findings of one kind, no cut tables. */
  verbose: boolean;
  /** Say nothing that does not ask for action. */
  quiet: boolean;
  /** SARIF for one reader's ideas of it. */
  sarifProfile?: 'github';
}

/** Paints text for a terminal; every function returns its input where there is no colour. */
export interface Palette {
  error(text: string): string;
  warning(text: string): string;
  note(text: string): string;
  good(text: string): string;
  strong(text: string): string;
  dim(text: string): string;
  /** Bytes that are damaged, in a hex dump. */
  mark(text: string): string;
}

const asIs = (text: string) => text;

/** No colour. */
export const plainPalette: Palette = {
  error: asIs,
  warning: asIs,
  note: asIs,
  good: asIs,
  strong: asIs,
  dim: asIs,
  mark: asIs,
};

/**
 * One output format. Pure: it turns a report into text and leaves writing to the caller, who may stop asking for pieces when
 * no reader is left.
 */
export interface Reporter {
  /** Text for a finding the moment it is found, for outputs that stream. `target` is the path as given. */
  found?(finding: Finding, target: string): string;
  /** The output, in pieces of bounded size, once the scan has ended. */
  render(report: Report): Iterable<string>;
  /** Markdown for the page of a CI step, where the system that runs it takes such. */
  stepSummary?(report: Report): string;
}

/** A format as `--format` knows it. */
export interface Format {
  /** One line for --help. */
  description: string;
  /** What is redacted when `--redact` is not given: `values` for formats that leave the machine. */
  redaction: Redaction;
  create(settings: RenderSettings): Reporter;
}
