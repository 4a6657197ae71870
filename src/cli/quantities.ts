import { InvalidArgumentError } from 'commander';

const units = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 } as const;

/** Parses a time such as `90s`, `10m`, `1h30m` into milliseconds. */
export function time(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h)/g)];
  const whole = parts.map(([part]) => part).join('') === text && parts.length > 0;
  const total = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * units[unit as keyof typeof units],
    0,
  );
  if (!whole || total <= 0) throw new InvalidArgumentError('It takes a time such as 90s, 10m or 1h30m.');
  return total;
}

/** Parses a share such as `5%` or `0.05` into a number from 0 to 1. */
export function share(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const number = parts === null ? Number.NaN : Number(parts[1]) / (parts[2] === '%' ? 100 : 1);
  if (!(number > 0 && number <= 1)) throw new InvalidArgumentError('It takes a share such as 5% or 0.05.');
  return number;
}

const sizes: Record<string, number> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/** Parses a rate such as `200MB/s` or `64MiB/s` into bytes a second. */
export function rate(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?(?:\/s)?$/i.exec(text);
  const bytes = parts === null ? 0 : Number(parts[1]) * sizes[(parts[2] ?? '').toLowerCase()];
  if (bytes < 1) throw new InvalidArgumentError('It takes a rate such as 200MB/s or 64MiB/s.');
  return bytes;
}
