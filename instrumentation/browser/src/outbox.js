// What waits to be sent. Records become batches, a batch is a request's whole text and lies in storage until the collector has answered:
// sent again it is equal to the byte, which the collector stores once.

import { complain, harmless } from './guard.js';
import { randomId, share } from './identity.js';
import { envelope, keyValues, logRecord } from './otlp.js';
import { MAX_LEAVING_BYTES } from './transport.js';

const BATCH = 'batch.';
const MAX_BATCH_BYTES = 60_000;
const MAX_WAITING_CHARACTERS = 1_000_000;
const ANSWER_MS = 15_000; // as long a batch on its way is left alone, by other tabs and by the page after this
const DAY_MS = 86_400_000;
const DEDUPLICATED_MS = 6 * DAY_MS; // the collector knows an event again for 7 days
const LONGEST_WAIT_MS = 300_000;
const FARTHEST_MS = LONGEST_WAIT_MS + 30 * 60_000; // as far ahead a batch may be held; farther is of a clock that was put back since

const sizeOf = (text) => new Blob([text]).size;
const madeAt = (name) => parseInt(name.slice(BATCH.length), 36);

/** A stored batch: not to be sent before `notBefore` (ms since 1970; 0 where it never was), how many records, and the request. */
const parsed = (text) => {
  const [, notBefore, count, body] = /^(\d+),(\d+),(.*)$/s.exec(text ?? '') ?? [];
  return body && { notBefore: notBefore > Date.now() + FARTHEST_MS ? 0 : Number(notBefore), count: Number(count), body };
};

/**
 * @param {{settings: object, storage: object, transport: object, resource: object, scope: object}} parts
 */
export function openOutbox({ settings, storage, transport, resource, scope }) {
  const [before, behind] = envelope(resource, scope);
  const app = `.${share(`${settings.endpoint} ${settings.token}`)}`; // another on the same origin has batches of its own
  const leaving = new Map(); // name of a batch under way -> bytes that go even if the page does
  let open = [];
  let lost = 0;
  let failures = 0;
  let notBefore = 0;
  let asked = 0; // not to send before, by the collector
  let timer;
  let timerAt = Infinity;
  let draining;
  let isClosed = false;

  const batches = (ending = '') => storage.names(BATCH).filter((name) => name.endsWith(ending));
  const store = (name, { notBefore: from, count, body }) => storage.set(name, `${from},${count},${body}`);

  function put(records, from) {
    const name = `${BATCH}${Date.now().toString(36)}-${randomId(6)}${app}`;
    store(name, { notBefore: from, count: records.length, body: before + records.join(',') + behind });
    return name;
  }

  /** Records as batches of at most so many bytes; gives their names. */
  function seal(records, from = 0) {
    const names = [];
    let batch = [];
    let bytes = 0;
    for (const text of records.map(harmless(logRecord)).filter(Boolean)) {
      const size = sizeOf(text) + 1;
      if (batch.length && bytes + size > MAX_BATCH_BYTES) {
        names.push(put(batch, from));
        [batch, bytes] = [[], 0];
      }
      batch.push(text);
      bytes += size;
    }
    if (batch.length) names.push(put(batch, from));
    return names;
  }

  function drop(name, why) {
    lost += parsed(storage.get(name))?.count ?? 0;
    storage.remove(name);
    complain(why);
  }

  /** Forget what is too old to be sent, and the oldest where too much waits. */
  function tidy() {
    let room = MAX_WAITING_CHARACTERS;
    for (const name of batches().reverse()) {
      const text = storage.get(name);
      const batch = parsed(text);
      const age = Date.now() - madeAt(name);
      room -= text?.length ?? 0;
      if (!batch) storage.remove(name);
      else if (room < 0) drop(name, 'too much waits');
      else if (age > (batch.notBefore ? DEDUPLICATED_MS : 30 * DAY_MS)) drop(name, 'a batch waited too long');
    }
  }

  function sealOpen() {
    const records = open;
    open = [];
    if (lost && records.length) {
      const [{ timeUs }] = records;
      const body = `${lost} records could not be sent`;
      records.push({ timeUs, severity: [13, 'WARN'], body, attributes: keyValues({ 'otelpond.lost_records': lost }) });
      lost = 0;
    }
    seal(records);
    if (records.length) tidy();
  }

  /** The oldest batch that may be sent now. */
  function next() {
    for (const name of batches(app)) {
      const batch = parsed(storage.get(name));
      if (batch && !leaving.has(name) && batch.notBefore <= Date.now()) return { name, ...batch };
    }
    return undefined;
  }

  const lease = (batch, ms) => store(batch.name, { ...batch, notBefore: Date.now() + ms });

  function settle(batch, { accepted, refused, againAfterMs = 0 }) {
    if (accepted) {
      failures = 0;
      storage.remove(batch.name);
    } else if (refused) drop(batch.name, `refused for good: ${refused}`);
    else {
      failures += 1;
      const held = Math.min(againAfterMs, FARTHEST_MS);
      const wait = Math.min(LONGEST_WAIT_MS, settings.intervalMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
      asked = Date.now() + held;
      notBefore = Math.max(asked, Date.now() + wait);
      if (storage.get(batch.name)) lease(batch, held);
    }
  }

  async function sendOne(batch) {
    lease(batch, ANSWER_MS);
    leaving.set(batch.name, 0);
    let alarm;
    const late = new Promise((resolve) => (alarm = setTimeout(resolve, ANSWER_MS, {})));
    const departs = (bytes) => leaving.has(batch.name) && leaving.set(batch.name, bytes);
    try {
      settle(batch, await Promise.race([transport.post(batch.body, departs), late]));
    } catch {
      settle(batch, {});
    } finally {
      clearTimeout(alarm);
      leaving.delete(batch.name);
    }
  }

  async function sendAll() {
    for (let batch; !isClosed && navigator.onLine !== false && Date.now() >= notBefore && (batch = next()); ) await sendOne(batch);
  }

  /** Have `tick` called so soon, unless it will be even sooner. */
  function wake(ms) {
    const at = Date.now() + ms;
    if (isClosed || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(() => tick().catch(complain), ms);
  }

  async function tick() {
    timerAt = Infinity;
    sealOpen();
    await (draining ??= sendAll().finally(() => (draining = undefined)));
    const due = batches(app).map((name) => (parsed(storage.get(name))?.notBefore ?? 0) - Date.now());
    if (open.length || due.length) wake(Math.max(settings.intervalMs, Math.min(...due)));
  }

  /** The page may be gone in a moment: all that waits leaves, as far as browsers allow; the rest is sent at the next visit. */
  function leave() {
    sealOpen();
    if (navigator.onLine === false || Date.now() < asked) return;
    let room = MAX_LEAVING_BYTES - [...leaving.values()].reduce((sum, bytes) => sum + bytes, 0);
    for (const name of batches(app)) {
      const batch = { name, ...parsed(storage.get(name)) };
      const isPreparing = leaving.get(name) === 0;
      if (!batch.body || !(isPreparing || (batch.notBefore <= Date.now() && !leaving.has(name)))) continue;
      const left = transport.leave(batch.body, room);
      if (!left) continue;
      room -= left.bytes;
      leaving.set(name, left.bytes);
      lease(batch, ANSWER_MS);
      left.answered.then((accepted) => {
        leaving.delete(name);
        if (accepted) storage.remove(name);
      });
    }
  }

  return {
    /** Take a record to be sent within `intervalMs`, or soon where enough have come. */
    add(record, isUrgent = false) {
      if (isClosed) return;
      open.push(record);
      wake(isUrgent || open.length >= settings.batchSize ? 0 : settings.intervalMs);
    },
    /** Store records that are sent by a later page unless `withdraw` is called with what this gives: what is true if this page ends now. */
    foresee: (records, ms) => seal(records, Date.now() + ms),
    withdraw: (names) => names.forEach(storage.remove),
    leave,
    /** Send what waits; fulfilled when it is sent or cannot be for now. */
    async flush() {
      notBefore = asked;
      await tick().catch(complain);
    },
    isClosed: () => isClosed,
    /** Forget all that waits, and take no more. */
    close() {
      isClosed = true;
      clearTimeout(timer);
      open = [];
      batches().forEach(storage.remove);
    },
  };
}
