// Page views and leaves, of documents and of routes within one: how long, how far down, how much was done.

import { leaveBreadcrumb } from './breadcrumbs.js';
import { abandonedForms, forgetForms } from './forms.js';
import { harmless, listen } from './guard.js';
import { uuid } from './identity.js';
import { maskedUrl } from './privacy.js';
import { pathNow } from './recorder.js';

const KILLED_AFTER_MS = 30 * 60_000; // a hidden page that has not come back after this is taken for one that ended when it was hidden

const viewport = () => (innerWidth < 768 ? 'mobile' : innerWidth < 1024 ? 'tablet' : 'desktop');

/** How far down a scrolled box shows its content, in per cent. */
const depthOf = ({ scrollTop, clientHeight, scrollHeight }) => (scrollHeight ? Math.min(100, ((scrollTop + clientHeight) / scrollHeight) * 100) : 0);
const page = () => document.scrollingElement ?? document.documentElement;

/** @returns {() => void} to be told when users do something */
export function observePages(recorder, outbox) {
  const { place } = recorder;
  let view;
  let foreseen = [];

  const visibleMs = () => view.visibleMs + (view.visibleSince === undefined ? 0 : performance.now() - view.visibleSince);

  function enter(referrer) {
    view = { title: undefined, depth: 0, interactions: 0, visibleMs: 0, visibleSince: document.hidden ? undefined : performance.now() };
    const entered = view;
    const late = () => ({ page_title: (entered.title ?? recorder.title()) || undefined }); // a route's title is set after its address
    recorder.emit('user.page_view', { referrer: referrer || undefined, viewport_size: viewport() }, { late });
    leaveBreadcrumb('event', `user.page_view ${place.path}`);
  }

  function ending() {
    view.depth = Math.max(view.depth, depthOf(page()));
    const time_on_page = Math.round(visibleMs()) / 1000;
    const spent = { time_on_page, scroll_depth: Math.round(view.depth), interactions_count: view.interactions };
    return [...abandonedForms().map((form) => ['form.abandon', form]), ['user.page_leave', spent]];
  }

  function leave() {
    if (!view) return;
    ending().forEach(([name, attributes]) => recorder.emit(name, attributes, { isPassive: true }));
    forgetForms();
    view.title = recorder.title();
    view = undefined;
  }

  function moved() {
    if (!view) return;
    if (pathNow() === place.path) {
      place.url = maskedUrl(location.href);
      return;
    }
    const from = place.url;
    leave();
    recorder.arrive();
    enter(from);
  }

  function withdraw() {
    outbox.withdraw(foreseen);
    foreseen = [];
  }

  function hidden() {
    if (!view) return;
    view.visibleMs = visibleMs();
    view.visibleSince = undefined;
    const records = ending().map(([name, attributes]) => recorder.record(name, attributes, { isPassive: true }));
    foreseen = outbox.foresee(records.filter(Boolean), KILLED_AFTER_MS);
  }

  function shown() {
    withdraw();
    if (view) view.visibleSince = performance.now();
  }

  function gone() {
    withdraw();
    leave();
  }

  for (const name of ['pushState', 'replaceState']) {
    const original = history[name];
    history[name] = function movedBy(...given) {
      const result = original.apply(this, given);
      harmless(moved)();
      return result;
    };
  }
  listen(window, 'popstate', moved);
  listen(window, 'hashchange', moved);
  listen(document, 'scroll', ({ target }) => {
    const box = target === document ? page() : target;
    if (view && box.clientHeight * 2 > innerHeight) view.depth = Math.max(view.depth, depthOf(box));
  });
  listen(window, 'visibilitychange', () => (document.hidden ? hidden() : shown()));
  listen(window, 'pagehide', gone);
  listen(window, 'pageshow', ({ persisted }) => {
    if (!persisted) return;
    place.loadId = uuid();
    recorder.arrive();
    enter(place.url);
  });
  enter(document.referrer && maskedUrl(document.referrer));
  return () => {
    if (view) view.interactions += 1;
  };
}
