/**
 * How numbers are written for people. Counts and sizes are grouped (`4,743 records`); offsets, sequence and file numbers are
 * names of things, to be copied into other tools, and stay plain (`0x7a3a (31290)`, `sequences 91847–91863`).
 */

/** `1234567` as `1,234,567`. */
export function grouped(count: number | bigint): string {
  // Intl.NumberFormat takes 15 ms to load its tables, a tenth of a small scan
  return String(typeof count === 'number' ? Math.round(count) : count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 file`, `1,204 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes in binary units, three digits: `412 bytes`, `1.21 MiB`, `64.0 MiB`, `1,012 GiB`. */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'byte');
  let amount = bytes / 1024;
  let unit = 0;
  while (amount >= 1023.5 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  const digits = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
  return `${digits === 0 ? grouped(Math.round(amount)) : amount.toFixed(digits)} ${units[unit]}`;
}

/** A file offset for a person and for a tool: `0x7a3a (31290)`. */
export function offsetText(offset: number): string {
  return `0x${offset.toString(16)} (${offset})`;
}

/** `0.8 s`, `12 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
