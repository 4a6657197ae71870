import type { EvidenceValue, HexWindow, KeyBytes } from '../../finding/evidence.js';
import { counted, offsetText } from '../../finding/quantity.js';
import { printable, printableBytes } from '../printable.js';

/** Elements of a list that are shown. */
const LIST_LIMIT = 8;

export type EvidenceFields = { [name: string]: EvidenceValue };

export function isFields(value: EvidenceValue | undefined): value is EvidenceFields {
  return typeof value === 'object' && !Array.isArray(value);
}

const keyFields = new Set(['base64', 'utf8', 'text']);

function isKey(value: EvidenceFields): value is EvidenceFields & KeyBytes {
  return typeof value.base64 === 'string' && Object.keys(value).every((name) => keyFields.has(name));
}

/** The hex window that a piece of evidence is, if it is one with its bytes still in it. */
export function hexWindowOf(value: EvidenceValue): HexWindow | undefined {
  if (!isFields(value) || !('hex' in value)) return undefined;
  const window = value.hex as unknown as HexWindow;
  return typeof window.base64 === 'string' ? window : undefined;
}

function keyText(key: KeyBytes): string {
  if (key.text !== undefined) return printable(key.text);
  const bytes = Buffer.from(key.base64, 'base64');
  return key.utf8 !== undefined && bytes.length <= 48 ? `"${printable(key.utf8)}"` : printableBytes(bytes);
}

/** `storedCount` as `stored count`. */
function words(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** A value for a person, on one line. `name` tells offsets from counts. */
export function evidenceText(value: EvidenceValue, name = ''): string {
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number')
    return /(offset|At)$/.test(name.replace(/Offset$/, 'offset')) ? offsetText(value) : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const shown = value.slice(0, LIST_LIMIT).map((item) => evidenceText(item, name));
    const more = value.length - shown.length;
    return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
  }
  const fields = value as EvidenceFields;
  if (isKey(fields)) return keyText(fields);
  if (typeof fields.redacted === 'number') return `(${counted(fields.redacted, 'byte')}, redacted)`;
  if (isFields(fields.value) && Object.keys(fields).length === 1) return evidenceText(fields.value);
  return `(${fieldsText(fields)})`;
}

/** Fields as `stored 0x5b1c22d0, computed 0x1f0e91aa`. */
export function fieldsText(fields: EvidenceFields): string {
  return Object.entries(fields)
    .map(([name, value]) => (value === true ? words(name) : `${words(name)} ${evidenceText(value, name)}`))
    .join(', ');
}

/** Evidence with its own line: its label, and the text around it. */
const lines: Record<string, { label: string; text(value: string): string }> = {
  proof: { label: 'proof', text: (value) => value },
  engine: { label: 'engine', text: (value) => `says "${value}"` },
  strictModeSays: { label: 'engine', text: (value) => `says "${value}" in absolute-consistency mode` },
  everyModeSays: { label: 'engine', text: (value) => `says "${value}" in every recovery mode` },
};

/** The evidence of a finding that is shown on separate lines. */
export function labelledEvidence(evidence: EvidenceFields): { label: string; text: string }[] {
  return Object.keys(lines).flatMap((name) => {
    const value = evidence[name];
    const { label, text } = lines[name];
    return typeof value === 'string' ? [{ label, text: text(printable(value)) }] : [];
  });
}

/** Evidence that the cause puts into words, or that only somebody who takes the file apart will ask for. */
const details: ReadonlySet<string> = new Set([
  'after',
  'batchLength',
  'batchOffset',
  'before',
  'confidence',
  'following',
  'followingOffset',
  'lastOperation',
  'logData',
  'lostStepAt',
  'operation',
  'operationsOnBothSides',
  'realignedAt',
  'realignedOperations',
  'type',
]);

/** Evidence without its details. */
export function withoutDetails(evidence: EvidenceFields): EvidenceFields {
  return Object.fromEntries(Object.entries(evidence).filter(([name]) => !details.has(name)));
}

/**
 * The rest of a finding's evidence, for its lines of text: without hex windows, what is not so (`zeroed: false`), lists and texts of
 * nothing, and what `said`, the finding's other lines, says already.
 */
export function spokenEvidence(evidence: EvidenceFields, said: string): EvidenceFields {
  const spoken = Object.entries(evidence).filter(([name, value]) => {
    if (value === false || value === '' || (Array.isArray(value) && value.length === 0)) return false;
    if (name in lines && typeof value === 'string') return false;
    if (isFields(value) && 'hex' in value) return false;
    const scalar = typeof value === 'string' || typeof value === 'number';
    return !scalar || !holdsWord(said, String(value));
  });
  return Object.fromEntries(spoken);
}

function holdsWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  if (at < 0 || word.length < 2) return false;
  const isPart = (character: string | undefined) => character !== undefined && /[\w]/.test(character);
  return !isPart(text[at - 1]) && !isPart(text[at + word.length]);
}
