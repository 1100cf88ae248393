import assert from 'node:assert/strict';
import { test } from 'node:test';

globalThis.location = new URL('https://shop.example/users/bob%40example.org#/a/bob@example.org');
globalThis.document = { querySelector: () => null };
Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'x' } });
const { openIdentity } = await import('../../../instrumentation/browser/src/identity.js');
const { openRecorder } = await import('../../../instrumentation/browser/src/recorder.js');
const { openStorage } = await import('../../../instrumentation/browser/src/storage.js');

const opened = () =>
  openRecorder({ settings: { sampleRate: 1, disable: [] }, identity: openIdentity(openStorage(false)), outbox: { isClosed: () => false } });

test('a record tells its page without what is personal', () => {
  const { place } = opened();
  assert.equal(place.path, '/users/[removed]#/a/[removed]');
  assert.equal(place.url, `https://shop.example${place.path}`);
});

test('records keep their order, and follow a clock that is put back', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  const recorder = opened();
  const timeUs = () => recorder.record('a', {}).timeUs;
  const first = timeUs();
  assert.deepEqual([timeUs(), timeUs()], [first + 1, first + 2]);
  t.mock.timers.setTime(1_700_000_000_000 - 3_600_000);
  assert.equal(timeUs(), first - 3_600_000_000);
});
