import type { Severity } from './finding.js';

/** A kind of damage or oddity, described once; every output and `kvdoctor explain` read it from here. */
export interface Rule {
  /** Severity when nothing more is known; checks move it by consequence (see `Severity`). */
  severity: Severity;
  /** The rule as a short statement, under 60 characters: "Block checksum does not match". */
  title: string;
  /** What it means for the data and for the engine that would open it. */
  meaning: string;
  /** How it comes about, most common first. */
  origin: string;
  /** What to do, as a person at a terminal would want it told. */
  action: string;
  /** Upstream issues and sources: `facebook/rocksdb#12345`, `rocksdb db/log_reader.cc`. */
  references?: readonly string[];
}
