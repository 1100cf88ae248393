// Names for what users act on that stay the same from one page load to the next.

import { isMasked, masked } from './privacy.js';

const LONGEST = 100;
const MADE_BY_MACHINE = /^:|^(radix|headlessui|react|mui|ember)|\d{4,}|[0-9a-f]{8}-/i;

/** What people read on an element, unless that is masked. */
export function labelOf(element) {
  if (isMasked(element)) return undefined;
  const isInput = element.matches('input');
  const own = isInput ? (/^(submit|button|reset)$/.test(element.type) ? element.value : '') : element.isContentEditable ? '' : readable(element);
  const text = element.getAttribute('aria-label') || own || element.getAttribute('title') || element.querySelector('img[alt]')?.alt || '';
  return masked(text.trim().replace(/\s+/g, ' '), LONGEST) || undefined;
}

/** The text of an element's beginning; of lists and tables, whose text is content, none. */
const readable = (element) => (element.matches('select,textarea,form,dialog') ? '' : (element.textContent ?? '').slice(0, 1000));

/** Its place below the nearest ancestor with a lasting id, at most five steps. */
function pathOf(element) {
  const steps = [];
  for (let at = element; at?.localName && at !== document.body && steps.length < 5; at = at.parentElement) {
    const id = lastingId(at);
    if (id && at !== element) {
      steps.unshift(`#${id}`);
      break;
    }
    const twins = [...(at.parentElement?.children ?? [])].filter((other) => other.localName === at.localName);
    steps.unshift(twins.length > 1 ? `${at.localName}:nth-of-type(${twins.indexOf(at) + 1})` : at.localName);
  }
  return steps.join('>');
}

/** An id that somebody wrote; `getAttribute`, for a form's field named `id` hides the form's own. */
function lastingId(element) {
  const id = element.getAttribute('id');
  return id && !MADE_BY_MACHINE.test(id) ? id : undefined;
}

/** data-otelpond-target, else the id, name, test id, label or place of an element. */
export function targetOf(element) {
  const told = ['data-otelpond-target', 'name', 'data-testid'].map((name) => element.getAttribute(name));
  const name = told[0] || lastingId(element) || told[1] || told[2] || labelOf(element);
  return (name || pathOf(element)).slice(0, LONGEST);
}
