/** What can be set; README.md says what each means. */
export interface Settings {
  endpoint: string;
  service?: string;
  version?: string;
  environment?: string;
  token?: string;
  sampleRate?: number;
  batchSize?: number;
  intervalMs?: number;
  compress?: boolean;
  honorDoNotTrack?: boolean;
  storage?: boolean;
  cookieDomain?: string;
  pageSlug?: string | ((path: string) => string | undefined);
  disable?: ('pages' | 'actions' | 'forms' | 'vitals' | 'timings' | 'errors' | 'requests')[];
  traceOrigins?: string[];
}

export const VERSION: string;
/** Begin; once a page, further calls are left unheard. */
export function start(settings: Settings): void;
/** Report that something happened; gives the event's id, undefined where it is not sent. */
export function track(name: string, properties?: Record<string, unknown>): string | undefined;
/** Say who the user is, for this page and those after, and what is known of them. */
export function identify(
  userId?: string | number,
  properties?: Record<string, unknown>,
  more?: { role?: string; setOnce?: Record<string, unknown>; unset?: string[] },
): string | undefined;
/** The user has logged out: whoever comes next is somebody else. */
export function reset(): void;
/** Attributes of every record from now on; undefined takes one away. */
export function set(attributes: Record<string, unknown>): void;
/** Report an error that the page has caught. */
export function reportError(thrown: unknown, attributes?: Record<string, unknown>): string | undefined;
/** Send what waits; fulfilled when it is sent, or cannot be for now. */
export function flush(): Promise<void>;
/** Send nothing from this browser any more, and forget what it knows. */
export function optOut(): void;
/** Take that back, from the next page on. */
export function optIn(): void;
