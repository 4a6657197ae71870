// Runs command lines one after the other in one process, for tests in which that process has to be loaded with a shim (faults.c,
// which reads the environment at every call). A message in, `{ args, env }`; a message out, `{ status, stdout, stderr }`.
import { Buffer } from 'node:buffer';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

const { run } = await import(new URL('../../dist/cli/run.js', import.meta.url));

const warnings = [];
process.on('warning', ({ stack }) => warnings.push(`${stack}\n`));

function recorded() {
  const pieces = [];
  const stream = new PassThrough();
  stream.on('data', (piece) => pieces.push(piece));
  return [stream, () => Buffer.concat(pieces).toString()];
}

async function answered({ args, env }) {
  const [stdout, out] = recorded();
  const [stderr, err] = recorded();
  const stdin = new PassThrough();
  stdin.end();
  Object.assign(process.env, env);
  const host = {
    stdout,
    stderr,
    stdin,
    env: { ...process.env },
    onInterrupt: () => () => {},
    kill: () => {},
  };
  const status = await run(args, host);
  for (const name of Object.keys(env)) delete process.env[name];
  // a file handle that nobody closed makes a warning when it is collected
  await setImmediate();
  globalThis.gc();
  await setImmediate();
  return { status, stdout: out(), stderr: err() + warnings.splice(0).join('') };
}

let turn = Promise.resolve();
process.on('message', (question) => {
  turn = turn.then(async () => process.send(await answered(question)));
});
process.send('ready');
