/** A challenge of a `WWW-Authenticate` field (RFC 9110, section 11.6.1). */
export interface RawChallenge {
  /** The scheme, in lower case. */
  readonly scheme: string;
  readonly token68?: string;
  /** The parameters, by their names in lower case; of one that is there twice the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a server that wants a token says about it. */
export interface Challenge {
  /** Only tokens bound to a key will do (RFC 9449, section 7.1). */
  readonly dpop: boolean;
  /** Where the resource's metadata is (RFC 9728, section 5.1). */
  readonly resourceMetadata?: string;
  /** The scopes that the request needs (RFC 6750, section 3). */
  readonly scopes?: readonly string[];
  /** `invalid_token`, `insufficient_scope`, `use_dpop_nonce` … */
  readonly error?: string;
  /** What the server says about the error, for a person. */
  readonly errorDescription?: string;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
const SPACE = /[ \t]*/y;
const SPACE_AND_COMMAS = /[ \t,]*/y;
/** What can't be understood is skipped up to the next comma. */
const JUNK = /[^,]*/y;

/**
 * Reads a `WWW-Authenticate` field, or several that were joined with commas, as fetch does. The grammar is RFC 9110,
 * section 11.6.1; what does not fit it is skipped, and what is around it still counts.
 */
export function parseChallenges(field: string): RawChallenge[] {
  const challenges: { scheme: string; token68?: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(field);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match[1] ?? match[0];
  };
  /** Reads `= value` after a parameter's name. */
  const value = (): string | undefined => {
    const before = at;
    take(SPACE);
    if (field[at] !== "=") {
      at = before;
      return undefined;
    }
    at++;
    take(SPACE);
    return field[at] === '"' ? take(QUOTED)?.replace(/\\([^])/g, "$1") : take(TOKEN) ?? "";
  };

  for (take(SPACE_AND_COMMAS); at < field.length; take(SPACE_AND_COMMAS)) {
    const start = at;
    const name = take(TOKEN);
    if (name === undefined) {
      take(JUNK);
      continue;
    }
    const given = value();
    const current = challenges.at(-1);
    if (given !== undefined) {
      // A parameter without a scheme before it belongs to nothing.
      const key = name.toLowerCase();
      if (current !== undefined && !current.parameters.has(key)) current.parameters.set(key, given);
      continue;
    }
    if (at < field.length && !/[ \t,]/.test(field[at]!)) {
      // Neither a scheme nor a parameter, an unfinished quotation mark for example.
      at = start;
      take(JUNK);
      if (at === start) at++;
      continue;
    }
    const challenge: { scheme: string; token68?: string; parameters: Map<string, string> } = {
      scheme: name.toLowerCase(),
      parameters: new Map(),
    };
    challenges.push(challenge);
    if (take(SPACE) === "") continue;
    const after = at;
    const token68 = take(TOKEN68);
    if (token68 !== undefined && after < field.length) {
      // `Bearer realm` would be a scheme that follows; only a comma or the end can come after a token68.
      challenge.token68 = token68;
    }
  }
  return challenges;
}

/**
 * Reads what a server that answered 401 or 403 says about the token it wants: of its challenges the one for Bearer, or
 * the one for DPoP where there is no other. What one of them leaves out is taken from the other.
 *
 * @returns `undefined` when there is no field, or none that is about OAuth
 */
export function readChallenge(field: string | null | undefined): Challenge | undefined {
  if (field === null || field === undefined) return undefined;
  const all = parseChallenges(field);
  const ours = [...all.filter((it) => it.scheme === "bearer"), ...all.filter((it) => it.scheme === "dpop")];
  const first = ours[0];
  if (first === undefined) return undefined;
  const parameter = (name: string) =>
    ours.map((it) => it.parameters.get(name)).find((it) => it !== undefined);
  const resourceMetadata = parameter("resource_metadata");
  const scopes = parameter("scope")?.split(" ").filter((scope) => scope !== "");
  const error = parameter("error");
  const errorDescription = parameter("error_description");
  return {
    dpop: first.scheme === "dpop",
    ...(resourceMetadata === undefined || resourceMetadata === "" ? {} : { resourceMetadata }),
    ...(scopes === undefined || scopes.length === 0 ? {} : { scopes }),
    ...(error === undefined ? {} : { error }),
    ...(errorDescription === undefined ? {} : { errorDescription }),
  };
}
