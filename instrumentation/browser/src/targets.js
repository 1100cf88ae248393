// Names for what users act on that stay the same from one page load to the next.

import { isMasked, masked } from './privacy.js';

const LONGEST = 100;
const NAMED_BY_TEXT = ':is(button,a,summary,label,[role=button],[role=link],[role=tab],[role=menuitem],[role=option]):not(tr,td,table)';
const NOT_READ = '[data-otelpond-mask],[data-otelpond-ignore],[contenteditable],textarea,select,input';
const MADE_BY_MACHINE = /^:|^(radix|headlessui|react|mui|ember)|\d{4,}|[0-9a-f]{8}-/i;

/** What people read on an element, unless that is masked. */
export function labelOf(element) {
  if (isMasked(element)) return undefined;
  const isNamed = element.matches(NAMED_BY_TEXT) && !element.isContentEditable;
  const own = isNamed ? readable(element).trim() : element.matches('[type=submit],[type=button],[type=reset]') && element.value;
  const text = element.getAttribute('aria-label') || own || element.getAttribute('title') || '';
  return masked(text.trim().replace(/\s+/g, ' '), LONGEST) || undefined;
}

/** The text of a node, images by theirs, without the parts that are masked or written by users. */
function readable(node) {
  if (node.nodeType === 3) return node.data;
  return node.alt ?? [...node.childNodes].map((child) => (child.matches?.(NOT_READ) ? '' : readable(child))).join('');
}

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
