// What happened before an error: the last views, actions and requests of the page.

const LENGTH = 50;
const kept = [];

/** Remember one, as the Python instrumentation does: kind `event`, `request` or `log`. */
export function leaveBreadcrumb(kind, message, level = 'info') {
  kept.push({ timestamp: new Date().toISOString(), kind, level, message: String(message).slice(0, 500) });
  if (kept.length > LENGTH) kept.shift();
}

/** All of them as JSON, the oldest first. */
export const breadcrumbs = () => JSON.stringify(kept);
