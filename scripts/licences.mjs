// The licences of the packages whose code a bundle holds. They ask to go where the code goes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a licence that stands in package.json alone asks to be kept, where the package ships no text of it. */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished
to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** Code of others that a package holds and whose licence it does not bring. */
const within = {
  '@bokuweb/zstd-wasm': `Holds Zstandard, compiled to WebAssembly. Copyright (c) Meta Platforms, Inc. and affiliates. BSD licence:

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met:

 * Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
 * Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in
   the documentation and/or other materials provided with the distribution.
 * Neither the name Facebook, nor Meta, nor the names of its contributors may be used to endorse or promote products derived from
   this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE
COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION)
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE)
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`,
};

/** The directory of the package that a module belongs to; undefined for the project's own. */
function packageOf(module) {
  if (!module.includes('/node_modules/')) return undefined;
  let at = dirname(module.replace(/^\0/, '').replace(/\?.*$/, ''));
  // a package.json without a name only says of what kind the modules beside it are
  while (
    !existsSync(join(at, 'package.json')) ||
    !JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')).name
  )
    at = dirname(at);
  return at;
}

function licenceOf(at) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
  const texts = readdirSync(at).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (texts.length === 0 && license !== 'MIT') throw new Error(`${name} brings no licence text`);
  const who = typeof author === 'object' ? author.name : author;
  const parts = texts.map((file) => readFileSync(join(at, file), 'utf8').trim());
  if (parts.length === 0) parts.push(`Copyright (c) ${who}\n\n${MIT}`);
  if (within[name]) parts.push(within[name]);
  return `${name} ${version} (${license})\n\n${parts.join('\n\n')}\n`;
}

/** The licences of everything in the chunks that rolldown wrote, as one text in the order of names. */
export function licences(chunks) {
  const modules = chunks.flatMap(({ moduleIds = [] }) => moduleIds);
  const packages = new Set(modules.map(packageOf).filter((at) => at !== undefined));
  const line = `${'-'.repeat(80)}\n\n`;
  return `kvdoctor holds code of these packages.\n\n${[...packages]
    .map(licenceOf)
    .sort()
    .map((text) => line + text)
    .join('\n')}`;
}
