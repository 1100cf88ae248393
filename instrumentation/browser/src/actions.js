// Clicks and choices: what was done, to what. Values of inputs are never read, but where the page asks for it (data-otelpond-value).

import { leaveBreadcrumb } from './breadcrumbs.js';
import { listen } from './guard.js';
import { isIgnored, masked, maskedUrl } from './privacy.js';
import { labelOf, targetOf } from './targets.js';

const INTERACTIVE =
  'a[href],button,summary,input:is([type=submit],[type=button],[type=reset],[type=image],[type=checkbox],[type=radio]),' +
  '[role=button],[role=link],[role=tab],[role=menuitem],[role=option],[role=switch],[onclick],[data-otelpond-action],[data-otelpond-target]';

/** The kind of a click: as the page says, else by what was clicked. */
function typeOf(element) {
  const told = element.closest('[data-otelpond-action]')?.getAttribute('data-otelpond-action');
  if (told) return told;
  if (element.matches('[role=tab]')) return 'tab_switch';
  if (element.closest('[aria-sort]')) return 'sort';
  if (element.matches('a[download]')) return 'export';
  if (element.matches('a[href]') && !/^(#$|javascript:)/i.test(element.getAttribute('href'))) return 'navigation';
  return 'click';
}

function contextOf(element) {
  const href = element.getAttribute('href');
  const isValueWanted = element.hasAttribute('data-otelpond-value') && 'value' in element;
  return {
    tag: element.localName,
    text: labelOf(element),
    role: element.getAttribute('role'),
    href: href && maskedUrl(href),
    value: isValueWanted ? masked(element.value, 200) : undefined,
  };
}

/** What records that users did something of that type to an element. */
export const actor = (recorder, interact) => (type, element) => {
  const target = targetOf(element);
  interact();
  recorder.emit('user.action', { action_type: type, action_target: target, action_context: contextOf(element) });
  leaveBreadcrumb('event', `user.action ${type} ${target}`);
};

export function observeActions(act) {
  listen(document, 'click', (event) => {
    if (!event.isTrusted) return; // by a program
    const [inner] = event.composedPath();
    const element = inner.closest?.(INTERACTIVE);
    if (!element || isIgnored(inner)) return;
    const isByEnter = element.type === 'submit' && !event.detail && element !== document.activeElement; // in a field of the form
    if (!isByEnter) act(typeOf(element), element);
  });
  listen(document, 'change', ({ target }) => {
    if (target.matches?.('select') && !isIgnored(target)) act(target.getAttribute('data-otelpond-action') || 'dropdown_select', target);
  });
  listen(document, 'toggle', ({ target, newState }) => {
    if (target.matches?.('dialog') && !isIgnored(target)) act(newState === 'open' ? 'modal_open' : 'modal_close', target);
  });
}
