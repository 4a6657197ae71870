// Lets an executable for Linux on x64 start where /proc is not mounted.
//
// The garbage collector of the engine must know where the stack ends, and asks pthread_getattr_np (WebKit WTF/wtf/StackBounds.cpp). For
// the first thread glibc answers that from /proc/self/maps, and the engine aborts where it cannot; nothing else of it needs /proc. So the
// call goes through code that answers where glibc fails: the stack ends above the environment, which the kernel puts on top of it.
//
//   PT_NOTE -> PT_LOAD   the code, at the end of the file and above all else in memory
//   .plt                 the entry of pthread_getattr_np jumps to the code instead of through its slot of .got.plt
//   code                 calls through the slot, which still begins in the second half of the entry: lazy binding stays

const PAGE = 4096n;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_NOTE = 4;
const PF_X = 1;
const PF_R = 4;
const DT_STRTAB = 5n;
const DT_SYMTAB = 6n;
const DT_PLTRELSZ = 2n;
const DT_JMPREL = 23n;
const SYMBOL_SIZE = 24;
const PROGRAM_HEADER_SIZE = 56;

/** With the slot and `environ` as distances from the ends of the instructions at 4 and 14. */
const code = Buffer.from(
  [
    '53', //                   push rbx
    '4889f3', //               mov rbx, rsi             the attributes to fill in
    'ff1500000000', //         call [slot]
    '85c0', //                 test eax, eax
    '745e', //                 jz done
    '488b1500000000', //       mov rdx, [environ]
    '4889d1', //               mov rcx, rdx
    '4829e1', //               sub rcx, rsp
    '4881f900000004', //       cmp rcx, 64 MiB          another thread, or environ was replaced: the error stands
    '7748', //                 ja done
    '4881caff0f0000', //       or rdx, 4095             the page that the environment begins in ends on the stack
    '48ffc2', //               inc rdx
    '4883ec10', //             sub rsp, 16
    'b861000000', //           mov eax, 97              getrlimit(RLIMIT_STACK, rsp)
    'bf03000000', //           mov edi, 3
    '4889e6', //               mov rsi, rsp
    '0f05', //                 syscall
    '59', //                   pop rcx
    '5e', //                   pop rsi
    'be00008000', //           mov esi, 8 MiB           no more, whatever the limit
    '4839f1', //               cmp rcx, rsi
    '480f47ce', //             cmova rcx, rsi
    '31c0', //                 xor eax, eax
    '488903', //               mov [rbx], rax           struct pthread_attr of glibc (nptl/internaltypes.h)
    '48894308', //             mov [rbx + 8], rax
    '48894310', //             mov [rbx + 16], rax
    '48895318', //             mov [rbx + 24], rdx      stackaddr: where it ends
    '48894b20', //             mov [rbx + 32], rcx      stacksize
    '48894328', //             mov [rbx + 40], rax
    '48894330', //             mov [rbx + 48], rax
    '5b', //             done: pop rbx
    'c3', //                   ret
  ].join(''),
  'hex',
);
const SLOT = 4;
const ENVIRON = 14;

/** The executable with the code in it. Throws where the program is not built as this expects. */
export function withStackBounds(program) {
  const headers = programHeaders(program);
  const loads = headers.filter(({ type }) => type === PT_LOAD);
  const at = (address) => {
    const load = loads.find(({ start, size }) => address >= start && address < start + size);
    return Number(address - load.start + load.offset);
  };
  const dynamic = new Map();
  const table = headers.find(({ type }) => type === PT_DYNAMIC);
  for (let offset = Number(table.offset); ; offset += 16) {
    const tag = program.readBigInt64LE(offset);
    if (tag === 0n) break;
    dynamic.set(tag, program.readBigUInt64LE(offset + 8));
  }
  const symbol = (index) => {
    const entry = at(dynamic.get(DT_SYMTAB)) + index * SYMBOL_SIZE;
    const name = at(dynamic.get(DT_STRTAB)) + program.readUInt32LE(entry);
    return {
      name: program.toString('latin1', name, program.indexOf(0, name)),
      value: program.readBigUInt64LE(entry + 8),
    };
  };

  const relocations = at(dynamic.get(DT_JMPREL));
  const slots = [];
  for (let i = 0; i < Number(dynamic.get(DT_PLTRELSZ)); i += 24)
    if (symbol(program.readUInt32LE(relocations + i + 12)).name === 'pthread_getattr_np')
      slots.push(program.readBigUInt64LE(relocations + i));
  if (slots.length !== 1) throw new Error(`${slots.length} slots of pthread_getattr_np`);
  const [slot] = slots;
  // jmp [slot], and what binds it: the slot begins there
  const entry = program.readBigUInt64LE(at(slot)) - 6n;
  const jump = at(entry);
  if (program.readUInt16LE(jump) !== 0x25ff || BigInt(program.readInt32LE(jump + 2)) !== slot - entry - 6n)
    throw new Error('the entry of pthread_getattr_np is not one of a lazily bound .plt');
  // the symbols lie before the names
  const symbols = Number(dynamic.get(DT_STRTAB) - dynamic.get(DT_SYMTAB));
  let environ;
  for (let i = 0; i < Math.floor(symbols / SYMBOL_SIZE) && !environ; i++)
    if (symbol(i).name === 'environ') environ = symbol(i).value;
  if (!environ) throw new Error('environ is not copied into the program');

  // segments are loaded in the order of their addresses
  const top = loads.at(-1).start + loads.at(-1).size;
  const offset = (BigInt(program.length) + PAGE - 1n) & -PAGE;
  const address = ((top + PAGE - 1n) & -PAGE) + PAGE;
  const note = headers.findLast(({ type }) => type === PT_NOTE);
  if (note !== headers.at(-1)) throw new Error('the last program header is not a note');

  const changed = Buffer.alloc(Number(offset) + code.length);
  program.copy(changed);
  code.copy(changed, Number(offset));
  for (const [position, length, target] of [
    [SLOT, 6, slot],
    [ENVIRON, 7, environ],
  ])
    changed.writeInt32LE(
      Number(target - address) - position - length,
      Number(offset) + position + length - 4,
    );
  changed.writeUInt8(0xe9, jump);
  changed.writeInt32LE(Number(address - entry) - 5, jump + 1);
  changed.writeUInt32LE(PT_LOAD, note.at);
  changed.writeUInt32LE(PF_R | PF_X, note.at + 4);
  for (const [i, value] of [
    offset,
    address,
    address,
    BigInt(code.length),
    BigInt(code.length),
    PAGE,
  ].entries())
    changed.writeBigUInt64LE(value, note.at + 8 + i * 8);
  return changed;
}

function programHeaders(program) {
  const first = Number(program.readBigUInt64LE(32));
  return Array.from({ length: program.readUInt16LE(56) }, (_, i) => {
    const at = first + i * PROGRAM_HEADER_SIZE;
    return {
      at,
      type: program.readUInt32LE(at),
      offset: program.readBigUInt64LE(at + 8),
      start: program.readBigUInt64LE(at + 16),
      size: program.readBigUInt64LE(at + 40),
    };
  });
}
