// The script of a tag: starts by the tag's data-attributes, then does what the page asked for before it was there.

import * as otelpond from './index.js';
import { complain } from './guard.js';

const { src, dataset } = document.currentScript ?? { dataset: {} };
const { manual, ...settings } = dataset;
const waiting = Array.isArray(window.otelpond) ? window.otelpond : [];

/** Calls as arrays, `['track', 'order.placed', {...}]`, work before and after the script is there. */
function push(...calls) {
  for (const call of calls) {
    const [name, ...given] = Array.isArray(call) ? call : [call];
    if (typeof otelpond[name] === 'function') otelpond[name](...given);
    else complain(`there is no function ${name}`);
  }
}

// A page that has the tag twice has the script once.
if (!window.otelpond?.start) {
  window.otelpond = { ...otelpond, push };
  if (manual === undefined) otelpond.start({ endpoint: src && new URL(src).origin, ...settings });
  push(...waiting);
}
