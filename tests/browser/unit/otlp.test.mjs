import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyValue, envelope, keyValues, logRecord } from '../../../instrumentation/browser/src/otlp.js';

test('values keep their types', () => {
  assert.deepEqual(anyValue('x'), { stringValue: 'x' });
  assert.deepEqual(anyValue(true), { boolValue: true });
  assert.deepEqual(anyValue(7), { intValue: '7' });
  assert.deepEqual(anyValue(-(2 ** 53) + 1), { intValue: '-9007199254740991' });
  assert.deepEqual(anyValue(0.5), { doubleValue: 0.5 });
  assert.deepEqual(anyValue(2 ** 70), { doubleValue: 2 ** 70 });
  assert.deepEqual(anyValue(NaN), { doubleValue: 'NaN' });
  assert.deepEqual(anyValue(-Infinity), { doubleValue: '-Infinity' });
  assert.deepEqual(anyValue(2n ** 64n), { stringValue: '18446744073709551616' });
  assert.deepEqual(anyValue(new Date(0)), { stringValue: '1970-01-01T00:00:00.000Z' });
  assert.deepEqual(anyValue([1, 'a']), { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'a' }] } });
  assert.deepEqual(anyValue({ a: { b: null } }), { kvlistValue: { values: [{ key: 'a', value: { kvlistValue: { values: [] } } }] } });
});

test('half a character costs nobody a request', () => {
  assert.deepEqual(anyValue('a\ud83d'), { stringValue: 'a\ufffd' });
  assert.deepEqual(anyValue('\udc00b\u{1f600}'), { stringValue: '\ufffdb\u{1f600}' });
});

test('a cycle ends', () => {
  const cycle = {};
  cycle.self = cycle;
  assert.ok(JSON.stringify(anyValue(cycle)).includes('[object Object]'));
});

test('what is absent and what is a function is left out', () => {
  assert.deepEqual(keyValues({ a: undefined, b: null, c: () => 1, d: 0 }), [{ key: 'd', value: { intValue: '0' } }]);
});

test('records stand in a request of OTLP', () => {
  const [before, behind] = envelope({ 'service.name': 'shop "@"' }, { name: 'otelpond.browser' });
  const record = { name: 'a', timeUs: 1_700_000_000_000_001, severity: [9, 'INFO'], attributes: keyValues({ x: 1 }), late: () => ({ y: 2 }) };
  const { resourceLogs } = JSON.parse(before + [logRecord(record), logRecord(record)].join(',') + behind);
  assert.deepEqual(resourceLogs[0].resource.attributes, keyValues({ 'service.name': 'shop "@"' }));
  const [{ scope, logRecords }] = resourceLogs[0].scopeLogs;
  assert.equal(scope.name, 'otelpond.browser');
  assert.equal(logRecords.length, 2);
  assert.deepEqual(logRecords[0], {
    timeUnixNano: '1700000000000001000',
    observedTimeUnixNano: '1700000000000001000',
    severityNumber: 9,
    severityText: 'INFO',
    eventName: 'a',
    attributes: keyValues({ x: 1, y: 2 }),
  });
});
