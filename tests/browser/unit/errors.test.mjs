import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observeErrors } from '../../../instrumentation/browser/src/errors.js';

/** Reports errors; gives how many were sent. */
function sentOf(errors) {
  let sent = 0;
  const report = observeErrors({ recorder: { emit: () => (sent += 1) }, isEnabled: false });
  errors.forEach((error) => report(error));
  return sent;
}

test('of errors that are alike five are sent, of all fifty', () => {
  const same = new Error('same');
  assert.equal(sentOf(Array.from({ length: 100 }, () => same)), 5);
  assert.equal(sentOf(Array.from({ length: 100 }, (_, number) => new Error(`no ${number}`))), 50);
  assert.equal(sentOf([...Array.from({ length: 100 }, () => same), new Error('other')]), 6);
});
