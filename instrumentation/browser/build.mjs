// Builds otelpond.js, the script of a tag, from src. `--check` builds it too, but only says whether the one that is there is the same.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const MOST_BYTES = 15_000; // compressed with gzip

/** Names of members that only the sources know: not of settings, records or browsers. */
const INTERNAL = [
  'accepted address againAfterMs anonymous answered arrive bytes close count depth emit errors foresee forget identity interactions isClosed',
  'isEnabled isLean isLinked isOurs isPassive isRepeatable isSampled late leave loadId names notBefore origins outbox path place post',
  'put record recorder refused report session setUser settings since takes timeUs transport user visibleMs visibleSince withdraw',
];

const here = fileURLToPath(new URL('.', import.meta.url));
const text = (name) => readFileSync(here + name, 'utf-8');

/** What it is made of, so that anybody can see whether it is stale without building it. */
function digest() {
  const sources = readdirSync(`${here}src`).map((name) => `src/${name}`);
  const hash = createHash('sha256');
  for (const name of [...sources, 'build.mjs', 'package-lock.json'].sort()) hash.update(`${name}\0${text(name)}\0`);
  return hash.digest('hex').slice(0, 16);
}

const { version } = JSON.parse(text('package.json'));
const { version: vitals } = JSON.parse(text('node_modules/web-vitals/package.json'));
const { outputFiles } = await build({
  entryPoints: [`${here}src/script.js`],
  bundle: true,
  format: 'iife',
  minifySyntax: true,
  target: ['es2022'],
  write: false,
});
const preamble = `/* otelpond ${version}, Apache-2.0; holds web-vitals ${vitals}, Apache-2.0, Google LLC. Built from ${digest()} */`;
const { code } = await minify(outputFiles[0].text, {
  ecma: 2020,
  compress: { ecma: 2020, passes: 9, toplevel: true, keep_fargs: false, pure_getters: true, unsafe_arrows: true, unsafe_methods: true },
  mangle: { toplevel: true, properties: { regex: new RegExp(`^(${INTERNAL.join(' ').replaceAll(' ', '|')})$`), builtins: true } },
  format: { preamble, comments: false },
});
const built = `${code}\n`;
const bytes = gzipSync(built, { level: 9 }).length;
console.log(`otelpond.js: ${built.length} bytes, ${bytes} compressed`);
if (bytes >= MOST_BYTES) throw new Error(`otelpond.js must stay below ${MOST_BYTES} bytes compressed`);
if (!process.argv.includes('--check')) writeFileSync(`${here}otelpond.js`, built);
else if (built !== text('otelpond.js')) throw new Error('otelpond.js is stale: run `npm run build` in instrumentation/browser');
