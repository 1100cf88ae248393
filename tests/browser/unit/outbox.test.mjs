import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

globalThis.window = globalThis;
Object.defineProperty(globalThis, 'navigator', { value: { onLine: true } });
const { openOutbox } = await import('../../../instrumentation/browser/src/outbox.js');
const { openStorage } = await import('../../../instrumentation/browser/src/storage.js');
const { keyValues } = await import('../../../instrumentation/browser/src/otlp.js');

mock.method(console, 'warn', () => undefined);

/** An outbox whose collector gives these answers, one a request, and then accepts; with what it got. */
function opened({ answers = [], storage = openStorage(false), left = true, token = '' } = {}) {
  const posted = [];
  const beaconed = [];
  const transport = {
    async post(body) {
      posted.push(body);
      return answers.shift() ?? { accepted: true };
    },
    leave(body, room) {
      if (body.length > room) return undefined;
      beaconed.push(body);
      return { bytes: body.length, answered: Promise.resolve(left) };
    },
  };
  const settings = { endpoint: 'https://c.example', token, batchSize: 10, intervalMs: 5000 };
  return { posted, beaconed, storage, outbox: openOutbox({ settings, storage, transport, resource: {}, scope: {} }) };
}

const record = (name, text = '') => ({ name, timeUs: 1, severity: [9, 'INFO'], attributes: keyValues({ text }) });
const namesIn = (bodies) =>
  bodies.flatMap((body) => JSON.parse(body).resourceLogs[0].scopeLogs[0].logRecords.map(({ eventName }) => eventName));
const waiting = ({ storage }) => storage.names('batch.').length;

test('ten records go together at once, fewer after the interval', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const it = opened();
  for (let count = 0; count < 9; count += 1) it.outbox.add(record(`e${count}`));
  t.mock.timers.tick(4999);
  assert.equal(it.posted.length, 0);
  it.outbox.add(record('e9'));
  t.mock.timers.tick(0);
  await it.outbox.flush();
  assert.equal(it.posted.length, 1);
  assert.deepEqual(namesIn(it.posted), Array.from({ length: 10 }, (_, count) => `e${count}`));
  it.outbox.add(record('late'));
  t.mock.timers.tick(5000);
  await it.outbox.flush();
  assert.equal(it.posted.length, 2);
  assert.equal(waiting(it), 0);
});

test('what the collector does not take now is sent again, equal to the byte', async () => {
  const it = opened({ answers: [{}, {}] });
  it.outbox.add(record('a'));
  await it.outbox.flush();
  assert.equal(waiting(it), 1);
  await it.outbox.flush();
  await it.outbox.flush();
  assert.equal(it.posted.length, 3);
  assert.equal(new Set(it.posted).size, 1);
  assert.equal(waiting(it), 0);
});

test('nothing is sent before the collector wants it, by this page or the next', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_700_000_000_000 });
  const it = opened({ answers: [{ againAfterMs: 60_000 }] });
  it.outbox.add(record('a'));
  await it.outbox.flush();
  it.outbox.add(record('b'));
  await it.outbox.flush();
  it.outbox.leave();
  assert.deepEqual([it.posted.length, it.beaconed.length, waiting(it)], [1, 0, 2]);
  const next = opened({ storage: it.storage });
  await next.outbox.flush();
  assert.deepEqual(namesIn(next.posted), ['b']);
  t.mock.timers.setTime(1_700_000_060_001);
  await next.outbox.flush();
  assert.deepEqual(namesIn(next.posted), ['b', 'a']);
});

test('what waits for a time that a clock put back made far is sent now', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_700_000_000_000 });
  const it = opened({ answers: [{ againAfterMs: 1e12 }] });
  it.outbox.add(record('a'));
  await it.outbox.flush();
  const held = opened({ storage: it.storage });
  await held.outbox.flush();
  assert.equal(held.posted.length, 0, 'however long it asks for, half an hour is waited');
  t.mock.timers.setTime(1_700_000_000_000 - 3_600_000);
  const next = opened({ storage: it.storage });
  await next.outbox.flush();
  assert.deepEqual(namesIn(next.posted), ['a']);
});

test('what another app of the same origin left is not sent with our token', async () => {
  const other = opened({ token: 'theirs', left: false });
  other.outbox.foresee([record('theirs')], 0);
  const it = opened({ storage: other.storage, token: 'ours' });
  await it.outbox.flush();
  it.outbox.leave();
  assert.equal(it.posted.length + it.beaconed.length, 0);
  await other.outbox.flush();
  assert.deepEqual(namesIn(other.posted), ['theirs']);
});

test('what the collector refuses for good is dropped, and told with the next', async () => {
  const it = opened({ answers: [{ refused: '400 no' }] });
  it.outbox.add(record('bad'));
  await it.outbox.flush();
  it.outbox.add(record('good'));
  await it.outbox.flush();
  const { logRecords } = JSON.parse(it.posted[1]).resourceLogs[0].scopeLogs[0];
  assert.deepEqual(logRecords.map(({ body }) => body?.stringValue), [undefined, '1 records could not be sent']);
});

test('a record that cannot be written costs the others nothing', async () => {
  const it = opened();
  const late = () => {
    throw new Error('no');
  };
  it.outbox.add({ ...record('bad'), late });
  it.outbox.add(record('good'));
  await it.outbox.flush();
  assert.deepEqual(namesIn(it.posted), ['good']);
});

test('when the page goes all of 60 KiB leaves, and more waits for the next visit', async () => {
  const it = opened({ left: false });
  for (let count = 0; count < 10; count += 1) it.outbox.add(record(`e${count}`, 'x'.repeat(10_000)));
  it.outbox.leave();
  assert.ok(it.beaconed.length === 1 && it.beaconed[0].length > 50_000);
  const next = opened({ storage: it.storage });
  await next.outbox.flush();
  assert.deepEqual(namesIn([...it.beaconed, ...next.posted]).sort(), Array.from({ length: 10 }, (_, count) => `e${count}`));
  assert.equal(waiting(next), 1, 'what has left is sent again only when the collector has had the time to answer');
});

test('offline nothing leaves, and all is sent at the next visit', async () => {
  const it = opened();
  globalThis.navigator.onLine = false;
  it.outbox.add(record('a'));
  it.outbox.leave();
  assert.equal(it.beaconed.length, 0);
  globalThis.navigator.onLine = true;
  const next = opened({ storage: it.storage });
  await next.outbox.flush();
  assert.deepEqual(namesIn(next.posted), ['a']);
});

test('what is foreseen is sent unless it is withdrawn, and not before its time', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'] });
  const it = opened();
  const withdrawn = it.outbox.foresee([record('leave')], 60_000);
  it.outbox.withdraw(withdrawn);
  it.outbox.foresee([record('killed')], 60_000);
  await it.outbox.flush();
  assert.equal(it.posted.length, 0);
  t.mock.timers.setTime(60_001);
  await it.outbox.flush();
  assert.deepEqual(namesIn(it.posted), ['killed']);
});

test('storage is bounded, and the oldest goes', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_700_000_000_000 });
  const it = opened({ left: false, answers: Array.from({ length: 500 }, () => ({})) });
  for (let count = 0; count < 30; count += 1) {
    it.outbox.add(record(`e${count}`, 'x'.repeat(50_000)));
    it.outbox.leave();
    t.mock.timers.tick(20_000);
  }
  const kept = it.storage.names('batch.').map((name) => it.storage.get(name).replace(/^\d+,\d+,/, ''));
  assert.ok(kept.join('').length <= 1_000_000);
  assert.ok(namesIn(kept).includes('e29'));
  assert.ok(!namesIn(kept).includes('e0'));
});

test('a closed outbox forgets and takes nothing', async () => {
  const it = opened({ answers: [{}] });
  it.outbox.add(record('a'));
  await it.outbox.flush();
  it.outbox.close();
  it.outbox.add(record('b'));
  await it.outbox.flush();
  assert.equal(waiting(it), 0);
  assert.equal(it.posted.length, 1);
});
