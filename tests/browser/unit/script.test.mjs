import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

globalThis.window = globalThis;
globalThis.document = { currentScript: { dataset: { manual: '' } } };

test('a call that is none is told, and those behind it are done', async () => {
  const warn = mock.method(console, 'warn', () => undefined);
  await import('../../../instrumentation/browser/src/script.js');
  window.otelpond.push(undefined, ['fly'], ['track', 'x']);
  assert.deepEqual(
    warn.mock.calls.map(({ arguments: [text] }) => text),
    ['otelpond: there is no function undefined', 'otelpond: there is no function fly'],
  );
});
