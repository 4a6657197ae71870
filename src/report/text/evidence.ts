import type { EvidenceValue, HexWindow, KeyBytes } from '../../finding/evidence.js';
import { printable, printableBytes } from '../printable.js';
import { counted, offsetText } from '../quantity.js';

/** Elements of a list that are shown. */
const LIST_LIMIT = 8;

type Fields = { [name: string]: EvidenceValue };

function isFields(value: EvidenceValue | undefined): value is Fields {
  return typeof value === 'object' && !Array.isArray(value);
}

function isKey(value: Fields): value is Fields & KeyBytes {
  return (
    typeof value.base64 === 'string' &&
    Object.keys(value).every((name) => name === 'base64' || name === 'utf8')
  );
}

/** The hex window that a piece of evidence is, if it is one with its bytes still in it. */
export function hexWindowOf(value: EvidenceValue): HexWindow | undefined {
  if (!isFields(value) || !('hex' in value)) return undefined;
  const window = value.hex as unknown as HexWindow;
  return typeof window.base64 === 'string' ? window : undefined;
}

function keyText(key: KeyBytes): string {
  const bytes = Buffer.from(key.base64, 'base64');
  return key.utf8 !== undefined && bytes.length <= 48 ? `"${printable(key.utf8)}"` : printableBytes(bytes);
}

/** `storedCount` as `stored count`. */
export function words(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** A value for a person, on one line. `name` tells offsets from counts. */
export function valueText(value: EvidenceValue, name = ''): string {
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number')
    return /(offset|At)$/.test(name.replace(/Offset$/, 'offset')) ? offsetText(value) : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const shown = value.slice(0, LIST_LIMIT).map((item) => valueText(item, name));
    const more = value.length - shown.length;
    return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
  }
  const fields = value as Fields;
  if (isKey(fields)) return keyText(fields);
  if (typeof fields.redacted === 'number') return `(${counted(fields.redacted, 'byte')}, redacted)`;
  if (isFields(fields.value) && Object.keys(fields).length === 1) return valueText(fields.value);
  return `(${fieldsText(fields)})`;
}

/** Fields as `stored 0x5b1c22d0, computed 0x1f0e91aa`. */
export function fieldsText(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => (value === true ? words(name) : `${words(name)} ${valueText(value, name)}`))
    .join(', ');
}

/** Evidence that has a line of its own, with its name as the label. */
export const labelledEvidence = ['proof', 'engine'] as const;

/**
 * What of a finding's evidence goes into its lines of text: not the hex windows, not what is labelled, not what is not so
 * (`zeroed: false`), and not what the message says already.
 */
export function spokenEvidence(evidence: Fields, message: string): Fields {
  const spoken = Object.entries(evidence).filter(([name, value]) => {
    if (isLabelled(name, value) || value === false) return false;
    if (isFields(value) && 'hex' in value) return false;
    const scalar = typeof value === 'string' || typeof value === 'number';
    return !scalar || !holdsWord(message, String(value));
  });
  return Object.fromEntries(spoken);
}

function isLabelled(name: string, value: EvidenceValue): boolean {
  return typeof value === 'string' && labelledEvidence.some((label) => label === name);
}

function holdsWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  if (at < 0 || word.length < 2) return false;
  const isPart = (character: string | undefined) => character !== undefined && /[\w]/.test(character);
  return !isPart(text[at - 1]) && !isPart(text[at + word.length]);
}
