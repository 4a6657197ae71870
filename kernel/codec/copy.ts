/** Longer runs are left to the engine's own copy, whose call costs as much as this many bytes. */
const LONG: usize = 128;

/** Copies in words of eight: up to seven bytes after either end are touched, so both sides have room there. */
export function copyRun(to: usize, from: usize, length: usize): void {
  if (length > LONG) {
    memory.copy(to, from, length);
    return;
  }
  for (let i: usize = 0; i < length; i += 8) store<u64>(to + i, load<u64>(from + i));
}

/** Copies what a match refers to, `offset` bytes back. It may overlap what it writes, which repeats it. */
export function copyMatch(to: usize, offset: usize, length: usize): void {
  const from = to - offset;
  if (offset >= 8) {
    for (let i: usize = 0; i < length; i += 8) store<u64>(to + i, load<u64>(from + i));
  } else if (offset === 1) {
    memory.fill(to, load<u8>(from), length);
  } else {
    for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
  }
}
