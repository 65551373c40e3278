import * as oauth from "@panva/oauth4webapi";
import type { GuardedFetch } from "./guarded_fetch.ts";

/** Options of the library's requests, which all go through the guarded fetch. */
export interface LibraryOptions {
  readonly signal: AbortSignal;
  [oauth.allowInsecureRequests]: boolean;
  [oauth.customFetch]: (
    url: string,
    init: { method: string; headers: Record<string, string>; body?: unknown },
  ) => Promise<Response>;
}

/**
 * Makes the library's requests go through the guarded fetch.
 *
 * @param mend changes what has come before the library sees it
 */
export function libraryOptions(
  fetch: GuardedFetch,
  signal: AbortSignal,
  mend: (response: Response, url: string) => Response | Promise<Response> = (response) => response,
): LibraryOptions {
  return {
    signal,
    // The guarded fetch decides; it allows plain http on this machine, which the library would not.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: async (url, { method, headers, body }) => {
      const text = body === undefined || body === null ? undefined : String(body);
      const response = await fetch.send(url, {
        method: method === "POST" ? "POST" : "GET",
        headers,
        signal,
        ...(text === undefined ? {} : { body: text }),
      });
      return await mend(response, url);
    },
  };
}
