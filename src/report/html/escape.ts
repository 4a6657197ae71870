import { printable } from '../printable.js';

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for a page, between tags or in an attribute: names and messages come from damaged data. */
export function html(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character]);
}

/** A length of a picture: a share from 0 to 1 as a percentage, to a thousandth of one percent. */
export function percent(share: number): string {
  const bounded = Math.max(0, Math.min(1, share));
  return `${Number((bounded * 100).toFixed(3))}%`;
}

/** Where a mark begins, so that one at the very end of a file is seen, too. */
export function markLeft(share: number): string {
  return share < 0.99 ? percent(share) : `min(${percent(share)}, calc(100% - 4px))`;
}
