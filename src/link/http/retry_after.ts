/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3) as milliseconds from `now`; `undefined` when it is absent
 * or neither seconds nor a date.
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/[a-z]/i.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
