import assert from 'node:assert/strict';
import { test } from 'node:test';

globalThis.location = new URL('https://shop.example/orders?x=1');
const { masked, maskedParts, maskedUrl, route } = await import('../../../instrumentation/browser/src/privacy.js');

test('texts lose what looks personal or secret', () => {
  assert.equal(masked('write to bob.smith@example.org, please'), 'write to [removed], please');
  assert.equal(masked('card 4111 1111 1111 1111 declined'), 'card [removed] declined');
  assert.equal(masked('eyJhbGciOi.eyJzdWIi.c2ln is no token of yours'), '[removed] is no token of yours');
  assert.equal(masked('authorization: Bearer abcdef0123456789'), 'authorization: [removed]');
});

test('texts keep what is neither', () => {
  for (const text of ['order 20261121-0001', 'at 1732212345678', '12 of 3456 rows', "Cannot read properties of undefined (reading 'id')"]) {
    assert.equal(masked(text), text);
  }
});

test('addresses keep what tells a page, and lose secrets', () => {
  assert.equal(maskedUrl('/a?utm_source=news&page=2'), 'https://shop.example/a?utm_source=news&page=2');
  assert.equal(maskedUrl('/a?author=smith&authToken=x'), 'https://shop.example/a?author=smith&authToken=[removed]');
  assert.equal(maskedUrl('https://bob:pw@shop.example/a'), 'https://shop.example/a');
  assert.equal(maskedUrl('/a?access_token=x&b=1#access_token=y'), 'https://shop.example/a?access_token=[removed]&b=1');
  assert.equal(maskedUrl('/a?to=bob%40example.org&c=%'), 'https://shop.example/a?to=[removed]&c=%');
  assert.equal(maskedUrl('/a#/orders/7?token=x'), 'https://shop.example/a#/orders/7');
  assert.equal(maskedUrl('data:text/plain,hello'), 'data:');
  assert.equal(maskedUrl('http://['), '');
});

test('a fragment is a route where it begins like one', () => {
  assert.deepEqual(['#/a', '#!a', '#top', ''].map(route), ['#/a', '#!a', '', '']);
});

test('paths and routes are judged part by part, as they read decoded', () => {
  assert.equal(maskedParts('/users/bob%40example.org/orders'), '/users/[removed]/orders');
  assert.equal(maskedParts('/cards/4111%201111%201111%201111#/bob@example.org/%'), '/cards/[removed]#/[removed]/%');
  assert.equal(maskedParts('/orders/20261121-0001/caf%C3%A9'), '/orders/20261121-0001/caf%C3%A9');
  assert.equal(maskedUrl('/a/token=x#/b/access%5Ftoken=y'), 'https://shop.example/a/token=[removed]#/b/access%5Ftoken=[removed]');
  assert.equal(maskedUrl('/tokens/list?page=2'), 'https://shop.example/tokens/list?page=2');
  assert.equal(maskedUrl('/a?next=%2Flogin%3Ftoken%3Dx&b=/c'), 'https://shop.example/a?next=[removed]&b=/c');
  assert.equal(masked('at https://shop.example/#access_token=x'), 'at https://shop.example/#access_token=[removed]');
  assert.equal(masked('at f (https://shop.example/a.js?token=x:10:5)'), 'at f (https://shop.example/a.js?token=[removed]:10:5)');
});

test('texts are cut behind what is removed, not within', () => {
  assert.equal(masked(`${'x '.repeat(5)}bob@example.org`, 14), 'x x x x x [rem');
  assert.equal(masked(`${'x '.repeat(5)}bob@example.org`, 100), 'x x x x x [removed]');
  assert.equal(masked('a'.repeat(5000)).length, 2000);
});
