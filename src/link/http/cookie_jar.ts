/** Bounds of a {@linkcode CookieJar}. */
export interface CookieJarOptions {
  /**
   * The most cookies kept; of more, those set longest ago go.
   * @default 20
   */
  readonly maxCookies?: number;
  /**
   * The most characters of all names and values together.
   * @default 8192
   */
  readonly maxSize?: number;
}

/** The cookies of one origin, kept in memory. All times are milliseconds since the epoch. */
export interface CookieJar {
  /**
   * Takes the `Set-Cookie` fields of a response from `url`, in order.
   *
   * @returns the values that are new in the jar
   */
  store(url: URL, fields: readonly string[], now: number): string[];
  /**
   * The `Cookie` field for a request to `url`; undefined when there is none to send.
   *
   * @param given the user's own field: it stays whole, and its names are not sent a second time
   */
  header(url: URL, now: number, given?: string): string | undefined;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  readonly expires: number;
}

/** The most characters of a name and its value (RFC 6265 section 6.1). */
const LARGEST_COOKIE = 4096;
/** The most characters of an attribute's value; longer ones are not read. */
const LONGEST_ATTRIBUTE = 1024;
/** No cookie lives longer, in milliseconds (RFC 6265bis: 400 days). */
const LONGEST_LIFE_MS = 400 * 86_400_000;

/**
 * Makes a jar for one exact origin: whoever uses it must bring responses of that origin only, and ask for requests to
 * it only. What `Domain` says therefore never widens where a cookie goes. Otherwise as RFC 6265 section 5 has it, with
 * the name prefixes of RFC 6265bis.
 */
export function createCookieJar({ maxCookies = 20, maxSize = 8192 }: CookieJarOptions = {}): CookieJar {
  /** By name and path, those set longest ago first. */
  const cookies = new Map<string, Cookie>();

  function bound(now: number): void {
    let size = 0;
    for (const [key, { name, value, expires }] of cookies) {
      if (expires <= now) cookies.delete(key);
      else size += name.length + value.length;
    }
    for (const [key, { name, value }] of cookies) {
      if (cookies.size <= maxCookies && size <= maxSize) return;
      cookies.delete(key);
      size -= name.length + value.length;
    }
  }

  return {
    store(url, fields, now) {
      const fresh: string[] = [];
      for (const field of fields) {
        const cookie = parseSetCookie(field, url, now);
        if (cookie === undefined) continue;
        const key = `${cookie.name};${cookie.path}`;
        const before = cookies.get(key);
        cookies.delete(key);
        if (cookie.expires <= now) continue;
        cookies.set(key, cookie);
        if (before?.value !== cookie.value && cookie.value !== "") fresh.push(cookie.value);
      }
      bound(now);
      return fresh;
    },
    header(url, now, given) {
      const taken = given === undefined ? undefined : namesIn(given);
      const fit = [...cookies.values()].filter(({ name, path, secure, expires }) =>
        expires > now && (!secure || url.protocol === "https:") && matchesPath(url.pathname, path) &&
        !taken?.has(name)
      );
      // RFC 6265 section 5.4: those with longer paths first.
      fit.sort((a, b) => b.path.length - a.path.length);
      const own = fit.map(({ name, value }) => `${name}=${value}`);
      const all = given === undefined || given.trim() === "" ? own : [given, ...own];
      return all.length === 0 ? undefined : all.join("; ");
    },
  };
}

/** Reads one `Set-Cookie` field (RFC 6265 section 5.2); undefined when it is to be ignored. */
function parseSetCookie(field: string, url: URL, now: number): Cookie | undefined {
  // Control characters have no place in a field, and HTTP can't carry what is not Latin-1.
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/.test(field)) return undefined;
  const [pair = "", ...attributes] = field.split(";");
  const equals = pair.indexOf("=");
  if (equals < 0) return undefined;
  const name = pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  if (name === "" || name.length + value.length > LARGEST_COOKIE) return undefined;

  let path = defaultPath(url.pathname);
  let secure = false;
  let rooted = false;
  let domain = false;
  let expires: number | undefined;
  let maxAge: number | undefined;
  for (const attribute of attributes) {
    const at = attribute.indexOf("=");
    const key = (at < 0 ? attribute : attribute.slice(0, at)).trim().toLowerCase();
    const text = at < 0 ? "" : attribute.slice(at + 1).trim();
    if (text.length > LONGEST_ATTRIBUTE) continue;
    if (key === "secure") secure = true;
    else if (key === "domain") domain = true;
    else if (key === "path") {
      rooted = text === "/";
      path = text.startsWith("/") ? text : defaultPath(url.pathname);
    } else if (key === "max-age" && /^-?\d+$/.test(text)) {
      maxAge = Number(text);
    } else if (key === "expires") {
      expires = cookieDate(text) ?? expires;
    }
  }
  if (secure && url.protocol !== "https:") return undefined;
  const prefix = /^__(secure|host)-/i.exec(name)?.[1]?.toLowerCase();
  if (prefix !== undefined && !secure) return undefined;
  if (prefix === "host" && (!rooted || domain)) return undefined;

  const latest = now + LONGEST_LIFE_MS;
  // Max-Age wins over Expires; without both the cookie lives as long as we do.
  const until = maxAge !== undefined ? (maxAge <= 0 ? -Infinity : now + maxAge * 1000) : expires;
  return { name, value, path, secure, expires: until === undefined ? Infinity : Math.min(until, latest) };
}

/** RFC 6265 section 5.1.4: the path up to its last slash. */
function defaultPath(path: string): string {
  const last = path.lastIndexOf("/");
  return last <= 0 ? "/" : path.slice(0, last);
}

/** RFC 6265 section 5.1.4. */
function matchesPath(path: string, cookiePath: string): boolean {
  return path === cookiePath ||
    (path.startsWith(cookiePath) && (cookiePath.endsWith("/") || path[cookiePath.length] === "/"));
}

function namesIn(field: string): ReadonlySet<string> {
  return new Set(field.split(";").map((pair) => pair.split("=", 1)[0]!.trim()));
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Reads the date of an `Expires` attribute (RFC 6265 section 5.1.1); undefined when it is none. */
export function cookieDate(text: string): number | undefined {
  let time: readonly number[] | undefined;
  let day: number | undefined;
  let month: number | undefined;
  let year: number | undefined;
  for (const token of text.split(/[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/)) {
    const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)/.exec(token);
    if (time === undefined && clock !== null) {
      time = clock.slice(1).map(Number);
      continue;
    }
    const number = /^(\d{1,4})(?:\D|$)/.exec(token)?.[1];
    if (day === undefined && number !== undefined && number.length <= 2) {
      day = Number(number);
      continue;
    }
    const index = MONTHS.indexOf(token.slice(0, 3).toLowerCase());
    if (month === undefined && index >= 0) {
      month = index;
      continue;
    }
    if (year === undefined && number !== undefined && (number.length === 2 || number.length === 4)) {
      year = Number(number);
      if (number.length === 2) year += year >= 70 ? 1900 : 2000;
    }
  }
  if (time === undefined || day === undefined || month === undefined || year === undefined) return undefined;
  const [hour, minute, second] = time as [number, number, number];
  if (day < 1 || day > 31 || year < 1601 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = Date.UTC(year, month, day, hour, minute, second);
  return new Date(date).getUTCDate() === day ? date : undefined;
}
