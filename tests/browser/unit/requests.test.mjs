import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const URL_OF_API = 'https://shop.example/api';
const TRACEPARENT = /^00-a{32}-[0-9a-f]{16}-01$/;

globalThis.window = globalThis;
globalThis.location = new URL('https://shop.example/');
const sent = []; // what the browser's own fetch was called with
let answers = [];
globalThis.fetch = async (...given) => {
  sent.push(given.map((part) => (part instanceof Request ? part.clone() : part)));
  const answer = answers.shift() ?? { status: 200 };
  if (answer instanceof Error) throw answer;
  return answer;
};
class XMLHttpRequest extends EventTarget {
  open() {}
  setRequestHeader() {}
  send() {
    this.status = 200;
    this.dispatchEvent(new Event('loadend'));
  }
}
globalThis.XMLHttpRequest = XMLHttpRequest;
const { observeRequests } = await import('../../../instrumentation/browser/src/requests.js');
const { breadcrumbs } = await import('../../../instrumentation/browser/src/breadcrumbs.js');
const recorder = { place: { traceId: 'a'.repeat(32) }, isSampled: () => true };
observeRequests({ recorder, isOurs: (url) => url.startsWith('https://collector.example/'), origins: ['https://api.example'] });

beforeEach(() => {
  sent.length = 0;
  answers = [];
});

test('a request keeps what it is, and gets the header', async () => {
  await fetch(URL_OF_API, new Request('https://other.example/', { method: 'PUT', body: 'text', headers: { 'x-a': '1' }, duplex: 'half' }));
  const [[request]] = sent;
  assert.deepEqual([request.url, request.method, await request.text(), request.headers.get('x-a')], [URL_OF_API, 'PUT', 'text', '1']);
  assert.match(request.headers.get('traceparent'), TRACEPARENT);
});

test('headers that can be read once are read once', async () => {
  const headers = () => new Map([['x-a', '1']]).entries();
  await fetch(URL_OF_API, { headers: headers() });
  assert.equal(sent[0][0].headers.get('x-a'), '1');
  await fetch('https://other.example/', { headers: headers() });
  assert.deepEqual([...sent[1][1].headers], [['x-a', '1']]);
});

test('a policy of the request stays', async () => {
  await fetch(new Request(URL_OF_API, { referrerPolicy: 'no-referrer' }));
  assert.equal(sent[0][0].referrerPolicy, 'no-referrer');
});

test('requests elsewhere are passed as they are, and named origins get the header', async () => {
  const given = ['https://other.example/', { method: 'POST' }];
  await fetch(...given);
  assert.ok(sent[0][0] === given[0] && sent[0][1] === given[1]);
  await fetch('https://api.example/');
  assert.match(sent[1][0].headers.get('traceparent'), TRACEPARENT);
});

test('what fails with the header is asked again without, where it changes nothing', async () => {
  answers = [new TypeError('Failed to fetch')];
  assert.equal((await fetch(URL_OF_API)).status, 200);
  assert.deepEqual(sent.map(([{ headers }]) => headers.has('traceparent')), [true, false]);
  for (const [init, problem] of [[{ method: 'POST' }, new TypeError('no')], [{}, new DOMException('', 'AbortError')]]) {
    sent.length = 0;
    answers = [problem];
    await assert.rejects(fetch(URL_OF_API, init));
    assert.equal(sent.length, 1);
  }
});

test('a header of the page stays, and is not taken away', async () => {
  answers = [new TypeError('Failed to fetch')];
  await assert.rejects(fetch(URL_OF_API, { headers: { traceparent: 'own' } }));
  assert.deepEqual(sent.map(([{ headers }]) => headers.get('traceparent')), ['own']);
});

test('a request that is made twice is remembered twice', () => {
  const request = new XMLHttpRequest();
  for (const name of ['first', 'second']) {
    request.open('GET', `/${name}`);
    request.send();
  }
  const crumbs = JSON.parse(breadcrumbs()).map(({ message }) => message);
  assert.deepEqual(crumbs.slice(-2), ['GET https://shop.example/first 200', 'GET https://shop.example/second 200']);
});
