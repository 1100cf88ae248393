import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openIdentity, share, uuid } from '../../../instrumentation/browser/src/identity.js';
import { openStorage } from '../../../instrumentation/browser/src/storage.js';

const MINUTE = 60_000;

function opened() {
  const clock = { ms: 1_700_000_000_000 };
  const storage = openStorage(false);
  return { clock, storage, identity: openIdentity(storage, () => clock.ms) };
}

test('a session ends after 30 idle minutes, and names the one before', () => {
  const { clock, identity } = opened();
  const first = identity.session(true).id;
  clock.ms += 30 * MINUTE;
  assert.equal(identity.session(true).id, first);
  clock.ms += 30 * MINUTE + 1;
  const second = identity.session(true);
  assert.notEqual(second.id, first);
  assert.equal(second.previous, first);
});

test('a session ends after a day', () => {
  const { clock, identity } = opened();
  const first = identity.session(true).id;
  for (let count = 0; count < 48; count += 1) {
    clock.ms += 30 * MINUTE;
    assert.equal(identity.session(true).id, first);
  }
  clock.ms += 1;
  assert.notEqual(identity.session(true).id, first);
});

test('what nobody did prolongs no session and begins none', () => {
  const { clock, identity } = opened();
  const first = identity.session(true).id;
  clock.ms += 20 * MINUTE;
  assert.equal(identity.session(false).id, first);
  clock.ms += 20 * MINUTE;
  assert.equal(identity.session(false).id, first);
  assert.notEqual(identity.session(true).id, first);
});

test('names last, and a reset makes new ones', () => {
  const { storage, identity } = opened();
  const [anonymous, session] = [identity.anonymous(), identity.session(true).id];
  identity.setUser({ id: 'ada' });
  assert.equal(openIdentity(storage).anonymous(), anonymous);
  assert.equal(openIdentity(storage).user().id, 'ada');
  identity.reset();
  assert.notEqual(identity.anonymous(), anonymous);
  assert.notEqual(identity.session(true).id, session);
  assert.deepEqual(identity.user(), {});
});

test('a reset is seen by other tabs', () => {
  const { storage, identity } = opened();
  const other = openIdentity(storage);
  assert.equal(other.anonymous(), identity.anonymous());
  identity.reset();
  assert.equal(other.anonymous(), identity.anonymous());
});

test('what is stored wrongly is made anew', () => {
  const { storage, identity } = opened();
  storage.set('session', '{');
  storage.set('user', 'x');
  assert.match(identity.session(true).id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(identity.user(), {});
});

test('ids are UUIDs of version 4', () => {
  assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('sessions are spread evenly', () => {
  const shares = Array.from({ length: 20_000 }, () => share(uuid()));
  for (const rate of [0.01, 0.1, 0.5]) {
    const sampled = shares.filter((place) => place < rate).length;
    assert.ok(Math.abs(sampled - 20_000 * rate) < 5 * Math.sqrt(20_000 * rate), `${rate}: ${sampled}`);
  }
});
