// Carries out a plan, or undoes a repair, with the built kvdoctor, and dies of SIGKILL at the n-th point:
//   node repair-child.mjs apply PLAN.json JOURNAL POINT
//   node repair-child.mjs copy PLAN.json OUTPUT POINT
//   node repair-child.mjs undo JOURNAL POINT
//   node repair-child.mjs resume JOURNAL TARGET POINT
// Every operation that changes something has three points: before it, halfway through (a file half written), right after it.
// Prints the number of points when it lives to the end.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';

const dist = new URL('../../dist/repair/', import.meta.url);
const { realDisk } = await import(new URL('disk.js', dist));

const [what, ...rest] = process.argv.slice(2);
const dieAt = Number(rest.pop());
let point = 0;
const step = () => {
  if (point++ === dieAt) process.kill(process.pid, 'SIGKILL');
};

async function* halfOf(chunks) {
  for await (const chunk of chunks) {
    yield Buffer.from(chunk).subarray(0, chunk.length >> 1);
    return;
  }
}

const changing = [
  'create',
  'link',
  'symlink',
  'rename',
  'remove',
  'makeDirectory',
  'removeDirectory',
  'syncDirectory',
];
const disk = { ...realDisk };
for (const name of changing) {
  disk[name] = async (...args) => {
    step();
    if (name === 'create' && point === dieAt) {
      const [file, chunks, like] = args;
      await realDisk.create(file, halfOf(chunks), like);
    }
    step();
    await realDisk[name](...args);
    step();
  };
}

const checkOwner = async () => {};
if (what === 'undo') {
  const { undo } = await import(new URL('undo.js', dist));
  await undo(disk, rest[0], checkOwner);
} else if (what === 'resume') {
  const { resume } = await import(new URL('undo.js', dist));
  await resume(disk, rest[0], checkOwner, { target: rest[1] });
} else {
  const revived = (key, value) =>
    key === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64') : value;
  const plan = JSON.parse(readFileSync(rest[0], 'utf8'), revived);
  if (what === 'copy') {
    const { applyToCopy } = await import(new URL('output.js', dist));
    await applyToCopy(plan, rest[1], disk);
  } else {
    const { applyInPlace } = await import(new URL('apply.js', dist));
    await applyInPlace(plan, { disk, journal: rest[1], checkOwner, tool: 'test', now: new Date(0) });
  }
}
console.log(point);
