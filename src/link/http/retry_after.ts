/** The three forms of a date that RFC 9110, section 5.6.7, knows; the last one has no zone and means GMT. */
const DATES = [
  /^(?:mon|tue|wed|thu|fri|sat|sun), \d{2} [a-z]{3} \d{4} \d{2}:\d{2}:\d{2} gmt$/i,
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, \d{2}-[a-z]{3}-\d{2} \d{2}:\d{2}:\d{2} gmt$/i,
];
const ASCTIME = /^(?:mon|tue|wed|thu|fri|sat|sun) [a-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/i;

/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3) as milliseconds from `now`; `undefined` when it is absent
 * or neither seconds nor a date.
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const asctime = ASCTIME.test(text);
  if (!asctime && !DATES.some((form) => form.test(text))) return undefined;
  const date = Date.parse(asctime ? `${text} GMT` : text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
