// Visits the sample site with Chromium as people do, and prints, as one JSON object, what it did.
//
// usage: node drive.mjs SCENARIO '{"site": ORIGIN, ...}'    in the environment: CHROMIUM, the program; COLLECTOR, an URL

import { chromium } from 'playwright-core';

const MANUAL = '/manual.html';

/** A browser's profile of its own; `init` is set as the page's navigator properties. */
async function newContext(browser, site) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  context.setDefaultTimeout(20_000);
  return { context, open: async (path) => {
    const page = await context.newPage();
    await page.goto(site + path);
    return page;
  } };
}

const settled = (page) => page.evaluate(() => window.otelpond.flush());
const isReady = (page) => page.waitForFunction(() => typeof window.otelpond?.flush === 'function');

/** The manual page with the script started by these settings. */
async function started(open, service, settings = {}) {
  const page = await open(MANUAL);
  await page.evaluate((given) => window.otelpond.start(given), { endpoint: process.env.COLLECTOR, service, ...settings });
  return page;
}

/** Closes a tab as its close button does, and waits until it is gone. */
async function close(page) {
  const closed = new Promise((resolve) => page.once('close', resolve));
  await page.close({ runBeforeUnload: true });
  await closed;
}

/** Waits until nothing of the script's is stored any more. */
const waitUntilSent = (page) =>
  page.waitForFunction(() => !Object.keys(localStorage).some((key) => key.startsWith('otelpond.batch.')), undefined, { timeout: 40_000 });

/** Until a dialog or popover has told of its new state. */
function toggled(page, selector, state) {
  return page.evaluate(
    ([selector, state]) =>
      new Promise((done) => {
        document.querySelector(selector).addEventListener('toggle', ({ newState }) => newState === state && done());
      }),
    [selector, state],
  );
}

/** Three pages, everything that is observed once. */
async function visit(browser, { site }) {
  const { open } = await newContext(browser, site);
  const page = await open('/index.html');
  await isReady(page);
  await page.mouse.wheel(0, 1200);
  await page.waitForFunction(() => scrollY === 1200);
  const { scrollHeight } = await page.evaluate(() => ({ scrollHeight: document.documentElement.scrollHeight }));
  await page.evaluate(() => scrollTo(0, 0));
  for (const name of ['#greet', '#private', '[data-testid=masked]', '[data-testid=row]', '#reviews', '#open']) await page.click(name);
  await Promise.all([toggled(page, '#terms', 'closed'), page.click('#agree')]); // a dialog tells so a moment later
  await page.selectOption('[name=size]', 'M');
  await page.selectOption('[name=period]', 'last_7_days');
  await page.click('#to-catalogue');
  await page.waitForURL('**/catalogue.html*');
  await isReady(page);
  await page.fill('[name=q]', 'bees, or bob@example.org');
  await page.press('[name=q]', 'Enter');
  await page.click('#load');
  await page.waitForLoadState('networkidle');
  for (const name of ['#fail', '#reject', '#busy']) await page.click(name);
  const ids = await page.evaluate(() => [
    window.otelpond.identify('ada', { plan: 'gold' }, { role: 'Auditor', setOnce: { first_seen_on: 'web' }, unset: ['trial'] }),
    window.otelpond.track('order.placed', { value_eur: 59.9, lines: [1, 2], half: '\ud83d', shop: { city: 'Bonn' } }),
    window.otelpond.reportError(new TypeError('caught'), { step: 'pay' }),
  ]);
  await page.click('#hash');
  await page.click('#book');
  await page.goBack();
  await page.click('#to-order');
  await page.waitForURL('**/order.html');
  await isReady(page);
  await page.fill('[name=card]', 'secret-value-4711');
  await page.click('#send');
  await page.fill('[name=address]', 'Secret Street 1');
  await page.check('[name=gift]');
  await page.click('#send');
  await page.fill('[name=mail]', 'someone');
  await close(page);
  const last = await open(MANUAL);
  await last.waitForTimeout(500);
  return { ids, scrollHeight };
}

/** Tabs that are closed and pages that are left, with up to 60 KiB waiting. */
async function leave(browser, { site, service, count }) {
  const { open } = await newContext(browser, site);
  const wiper = await open(MANUAL);
  const wipe = async () => {
    const stored = await wiper.evaluate(() => {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith('otelpond.batch.'));
      const size = keys.reduce((sum, key) => sum + localStorage.getItem(key).length, 0);
      keys.forEach((key) => localStorage.removeItem(key));
      return size;
    });
    longest = Math.max(longest, stored);
  };
  const ways = ['close', 'close', 'goto', 'reload', 'close'];
  const ids = [];
  let longest = 0;
  let views = 0;
  let page;
  for (let number = 0; number < count; number += 1) {
    if (!page) {
      page = await started(open, service, { disable: ['timings'] });
      views += 1;
    }
    const total = Math.round((number / count) * 48 * 1024); // views, leaves and vitals make it 60
    const events = 1 + (number % 9);
    ids.push(...(await page.evaluate(([length, parts]) =>
      Array.from({ length: parts }, () => window.otelpond.track('leave.test', { text: 'x'.repeat(Math.max(0, length / parts - 1100)) })), [total, events])));
    const way = ways[number % ways.length];
    if (way === 'close') {
      await close(page);
      await wipe();
      page = undefined;
      continue;
    }
    if (way === 'goto') await page.goto(site + MANUAL);
    if (way === 'reload') await page.reload();
    await wipe();
    await page.evaluate((given) => window.otelpond.start(given), { endpoint: process.env.COLLECTOR, service, disable: ['timings'] });
    views += 1;
  }
  if (page) await close(page);
  await wiper.waitForTimeout(2000); // ending the browser would end requests that are still on their way
  return { ids, views, longest };
}

/** More than leaves with a page, and what is recorded offline; sent by the page after. */
async function later(browser, { site, service }) {
  const { context, open } = await newContext(browser, site);
  const ids = [];
  const record = async (page, count, length) =>
    ids.push(...(await page.evaluate(([many, size]) =>
      Array.from({ length: many }, () => window.otelpond.track('later.test', { text: 'y'.repeat(size) })), [count, length])));
  let page = await started(open, service);
  await record(page, 9, 30_000);
  await close(page);
  page = await started(open, service);
  await waitUntilSent(page);
  await context.setOffline(true);
  await record(page, 9, 1000);
  await close(page);
  await context.setOffline(false);
  page = await started(open, service);
  await waitUntilSent(page);
  return { ids };
}

/** Events while nobody listens; `phase` 2 is the visit after, with the same profile. */
async function away(browser, { site, service, profile, phase }) {
  const context = await chromium.launchPersistentContext(profile, launched());
  const page = await context.newPage();
  await page.goto(site + MANUAL);
  await page.evaluate((given) => window.otelpond.start(given), { endpoint: process.env.COLLECTOR, service });
  const ids = phase === 2 ? [] : [await page.evaluate(() => window.otelpond.track('away.test'))];
  if (phase === 2) await waitUntilSent(page);
  await close(page);
  await context.close();
  return { ids };
}

/** What settings leave out. */
async function settings(browser, { site, service }) {
  const told = {};
  const trial = async (name, given, act = () => undefined) => {
    const { context, open } = await newContext(browser, site);
    const posts = [];
    context.on('request', (request) => request.url().includes('/v1/logs') && request.method() === 'POST' && posts.push(request.headers()));
    if (name === 'asked_not_to') await context.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
    const page = await started(open, `${service}-${name}`, given);
    const id = await page.evaluate(() => window.otelpond.track('trial', { text: 'z'.repeat(3000) }));
    const error = await page.evaluate(() => window.otelpond.reportError(new Error('always')));
    await act(page, context);
    await settled(page);
    const storage = await page.evaluate(() => Object.keys(localStorage).sort());
    const cookies = (await context.cookies()).map((cookie) => cookie.name).sort();
    told[name] = { id, error, storage, cookies, posts: posts.length, encodings: [...new Set(posts.map((headers) => headers['content-encoding'] ?? ''))] };
    await context.close();
  };
  await trial('usual', {});
  await trial('plain', { compress: false });
  await trial('unsampled', { sampleRate: 0 });
  await trial('asked_not_to', {});
  await trial('asked_in_vain', { honorDoNotTrack: false });
  await trial('unstored', { storage: false });
  await trial('cookies', { cookieDomain: '127.0.0.1' });
  await trial('opted_out', {}, (page) => page.evaluate(() => window.otelpond.optOut()));
  return told;
}

/** Tasks in which the script ran, in ms of CPU time each. */
async function weight(browser, { site, service }) {
  const { open } = await newContext(browser, site);
  const page = await open('/manual.html');
  await browser.startTracing(page, { categories: ['devtools.timeline', 'v8.execute'] });
  await page.goto(`${site}/index.html`);
  await isReady(page);
  for (let count = 0; count < 30; count += 1) await page.click('#reviews');
  await page.evaluate((name) => Array.from({ length: 200 }, () => window.otelpond.track('weight.test', { name, text: 'w'.repeat(500) })), service);
  await settled(page);
  await page.goto(`${site}/manual.html`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const ofOurs = traceEvents.filter(({ name, args }) => /^(EvaluateScript|FunctionCall|v8.compile)$/.test(name) && args?.data?.url?.endsWith('/otelpond.js'));
  return { tasks: ofOurs.map(({ tdur, dur }) => (tdur ?? dur ?? 0) / 1000) };
}

/** The official packages beside the script. */
async function official(browser, { site }) {
  const { open } = await newContext(browser, site);
  const page = await open('/official.html');
  await isReady(page);
  await page.click('#load');
  await page.waitForFunction(() => window.loaded === 2);
  await page.waitForResponse((response) => response.url().endsWith('/v1/traces') && response.request().postData()?.includes('/api/prices'));
  await settled(page);
  await close(page);
  return {};
}

/** A page that is left and come back to as it was, hidden and shown, beside a second tab. */
async function returns(_, { site, service }) {
  const kept = await chromium.launch({ ...launched(), ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  const { open } = await newContext(kept, site);
  const page = await started(open, service);
  await page.goto(`${site}/bundled.html`);
  await page.goBack({ waitUntil: 'commit' });
  const isAsItWas = await page.evaluate(() => Boolean(window.otelpond.track('returns.test')));
  await settled(page);
  const other = await started(open, service);
  await other.evaluate(() => window.otelpond.track('returns.other'));
  await settled(other);
  await kept.close();
  return { isAsItWas };
}

/** A page that has the script from its bundler. */
async function bundled(browser, { site }) {
  const { open } = await newContext(browser, site);
  const page = await open('/bundled.html');
  const id = await page.evaluate(() => window.bundled);
  await close(page);
  await (await open(MANUAL)).waitForTimeout(500);
  return { id };
}

/** A page whose script is minified throws, in each of its releases; the official packages are told of another error there. */
async function minified(browser, { site, service, versions }) {
  const { open } = await newContext(browser, site);
  for (const version of versions) {
    const page = await open('/minified.html');
    const given = { endpoint: process.env.COLLECTOR, service, version };
    await page.evaluate((settings) => window.otelpond.start(settings), given);
    await page.click('#buy');
    await settled(page);
    await page.evaluate(tellOfficially, given);
    await close(page);
  }
  return {};
}

/** In the page: loads OpenTelemetry's own packages, and reports a rejected promise as their documentation does. */
async function tellOfficially(given) {
  const script = Object.assign(document.createElement('script'), { src: '/official.js' });
  Object.assign(script.dataset, given);
  await new Promise((resolve) => {
    script.onload = resolve;
    document.head.append(script);
  });
  const span = window.official.getTracer('shop').startSpan('pay');
  await window.shop.pay({ card: { isExpired: true } }).catch((error) => {
    span.recordException(error);
    span.setStatus({ code: 2, message: error.message });
  });
  span.end();
  await window.official.forceFlush();
}

function launched() {
  return { executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'], headless: true };
}

const [scenario, given] = process.argv.slice(2);
const browser = await chromium.launch(launched());
try {
  const act = { visit, leave, later, away, settings, weight, official, bundled, returns, minified }[scenario];
  console.log(JSON.stringify(await act(browser, JSON.parse(given))));
} finally {
  await browser.close();
}
