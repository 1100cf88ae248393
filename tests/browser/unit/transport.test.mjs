import assert from 'node:assert/strict';
import { test } from 'node:test';

globalThis.window = globalThis;
const { openTransport } = await import('../../../instrumentation/browser/src/transport.js');

/** What is made of a 503 with that header. */
async function answered(after) {
  globalThis.fetch = async () => new Response('', { status: 503, headers: after === undefined ? {} : { 'retry-after': after } });
  return (await openTransport({ endpoint: 'https://c.example' }).post('{}', () => undefined)).againAfterMs;
}

test('Retry-After is seconds or a date', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  assert.equal(await answered('7'), 7000);
  assert.equal(await answered(new Date(1_700_000_090_000).toUTCString()), 90_000);
  assert.deepEqual([await answered(), await answered('soon')], [0, 0]);
});
