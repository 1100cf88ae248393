import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { DEFAULTS, readSettings } from '../../../instrumentation/browser/src/settings.js';

globalThis.location = new URL('https://shop.example/orders/7');

test('attributes of a tag are read by the type of the default', () => {
  const given = { endpoint: 'https://c.example/', sampleRate: '0.1', compress: 'false', storage: '', disable: 'forms, errors' };
  assert.deepEqual(readSettings(given), {
    ...DEFAULTS,
    endpoint: 'https://c.example',
    sampleRate: 0.1,
    compress: false,
    storage: true,
    disable: ['forms', 'errors'],
  });
});

test('a wrong setting is told, and the default', () => {
  const warn = mock.method(console, 'warn', () => undefined);
  assert.deepEqual(readSettings({ sampleRate: '7', intervalMs: 'soon', servce: 'x', compress: 'maybe', batchSize: '' }), DEFAULTS);
  const told = warn.mock.calls.map(({ arguments: [text] }) => text);
  assert.deepEqual(told, [
    'otelpond: setting sampleRate: "7" is not understood',
    'otelpond: setting intervalMs: "soon" is not understood',
    'otelpond: there is no setting servce',
    'otelpond: setting compress: "maybe" is not understood',
    'otelpond: setting batchSize: "" is not understood',
  ]);
});

test('the endpoint is an absolute address without a slash at its end', () => {
  const read = (endpoint) => readSettings({ endpoint }).endpoint;
  assert.equal(read('/collector'), 'https://shop.example/collector');
  assert.equal(read('https://C.example:443//'), 'https://c.example');
  assert.equal(read(''), '');
});
