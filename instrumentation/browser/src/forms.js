// Forms: begun, found wrong, submitted, abandoned; and searches. Of fields it is counted whether they are filled, never what is in them.

import { harmless, listen } from './guard.js';
import { isIgnored, isMasked, masked } from './privacy.js';
import { targetOf } from './targets.js';

const NO_FIELD = /^(hidden|submit|button|reset|image|fieldset|output)$/;

const begun = new Map(); // form -> {since, errors}

const isFilled = (field) => (/^(checkbox|radio)$/.test(field.type) ? field.checked : field.value !== '');

function progress(form) {
  const { since, errors } = begun.get(form) ?? { since: performance.now(), errors: 0 };
  const fields = [...form.elements].filter((field) => !NO_FIELD.test(field.type));
  return {
    form_id: targetOf(form),
    fields_filled: fields.filter(isFilled).length,
    duration: (performance.now() - since) / 1000,
    error_count: errors,
  };
}

/** What is known of each form that was begun and not submitted. */
export const abandonedForms = () => [...begun.keys()].map(progress);

/** Nothing is begun any more: the page is left. */
export const forgetForms = () => begun.clear();

const SEARCH = 'input[type=search]';
const isSearch = (form) => form.closest('search,[role=search]') || form.querySelector(SEARCH);

export function observeForms(recorder, act) {
  const faulty = new Map(); // form -> fields that are found wrong by the validation under way

  function begin(form) {
    if (!form?.elements || begun.has(form) || isIgnored(form) || isSearch(form)) return;
    begun.set(form, { since: performance.now(), errors: 0 });
    recorder.emit('form.start', { form_id: targetOf(form) });
  }

  function search(field, form) {
    const query = field?.value.trim();
    if (!query || isIgnored(field)) return;
    recorder.emit('user.search_performed', {
      search_query: isMasked(field) ? undefined : masked(query, 500),
      search_category: field.closest('[data-otelpond-category]')?.getAttribute('data-otelpond-category'),
    });
    act('search', form ?? field);
  }

  function foundWrong() {
    for (const [form, fields] of faulty) {
      begin(form);
      const state = begun.get(form);
      if (!state) continue;
      state.errors += fields.length;
      recorder.emit('form.error', { ...progress(form), fields });
    }
    faulty.clear();
  }

  listen(document, 'input', ({ target }) => begin(target.form));
  listen(document, 'change', ({ target }) => {
    begin(target.form);
    if (target.matches?.(SEARCH) && !target.form) search(target);
  });
  listen(document, 'invalid', ({ target }) => {
    if (!target.form || isIgnored(target)) return;
    if (!faulty.size) setTimeout(harmless(foundWrong));
    faulty.set(target.form, [...(faulty.get(target.form) ?? []), targetOf(target)]);
  });
  listen(document, 'submit', ({ target: form }) => {
    if (isIgnored(form)) return;
    if (isSearch(form)) {
      search(form.querySelector(SEARCH) ?? form.querySelector('input:not([type]),input[type=text]'), form);
      return;
    }
    recorder.emit('form.submit', progress(form));
    begun.delete(form);
    act('submit', form);
  });
}
