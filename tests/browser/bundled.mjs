// A page that has the script from its bundler.

import { start, track } from 'otelpond-browser';

const { endpoint, service } = document.currentScript.dataset;
start({ endpoint, service, disable: ['pages', 'actions', 'forms', 'vitals', 'timings', 'errors', 'requests'] });
window.bundled = track('bundled.test', { from: 'a bundler' });
