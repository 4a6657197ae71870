/**
 * kvdoctor as a library. What is exported here is promised and follows semantic versioning; the rest of the package is not.
 *
 * @example
 * import { buildReport, scanTarget } from 'kvdoctor';
 *
 * const target = await scanTarget('/var/lib/app/db', { depth: 'checksums' });
 * for (const { rule, file, offset } of target.findings) console.log(rule, file, offset);
 */
export type { Depth, Unchecked } from './check/unit.js';
export { areDifferent, type Comparison, compareDatabases } from './compare/compare.js';
export { type FindHooks, type FindOptions, type FindReport, find, type KeyReport } from './find/find.js';
export { catalog, type RuleId, ruleOf } from './finding/catalog.js';
export type { EvidenceValue, HexWindow, KeyBytes } from './finding/evidence.js';
export type { Cause, Certainty, Finding, Impact, Range, Severity } from './finding/finding.js';
export type { Rule } from './finding/rule.js';
export type { Inspection, InspectKind } from './inspect/inspect.js';
export type { Node, Root, Value } from './inspect/node.js';
export { type InspectOptions, inspect, UnknownKind } from './inspect/open.js';
export { type Exported, exportedEntries, type LibraryEntry } from './repair/export-iterable.js';
export type { ExportedTarget, ExportRequest } from './repair/export-target.js';
export type { RepairMethod } from './repair/method.js';
export { Refusal } from './repair/refusal.js';
export { type RepairHooks, type RepairOptions, repairTarget } from './repair/run.js';
export { type SimulateOptions, simulateTarget } from './repair/simulate-target.js';
export { type Undone, undoRepair } from './repair/undo-repair.js';
export { type FormatName, formats } from './report/formats.js';
export { type Redaction, redact } from './report/redact.js';
export type {
  ApplicationReport,
  ColumnFamilyReport,
  DigestReport,
  EngineReport,
  FileKind,
  FileReport,
  FileStatus,
  FileUse,
  LossReport,
  OptionsReport,
  PlanReport,
  RecommendationReport,
  RecoveryModeName,
  RecoveryReport,
  RepairReport,
  Report,
  ShardReport,
  Summary,
  SuppressedFinding,
  TargetKind,
  TargetReport,
  UnitReport,
  Verdict,
} from './report/report.js';
export { type Palette, plainPalette, type RenderSettings, type Reporter } from './report/reporter.js';
export { buildReport, type RunFacts } from './report/summary.js';
export { type ScanHooks, type ScanOptions, scanTarget } from './scan/scan.js';
export type { Earlier } from './scan/select.js';
export { MergeError, mergeReports } from './scan/shards/merge.js';
export type { Shard } from './scan/shards/shard.js';
export { type Against, triage } from './triage/against.js';
export { speaksOfDamage, type Triage } from './triage/triage.js';
