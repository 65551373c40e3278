import type { OAuthSettings } from "./settings.ts";

/** The directory of accounts in the store. */
export const ACCOUNTS = "accounts";

/** What an account is kept under: the server, without what may be secret, and as whom. */
export function accountKey(url: URL, { grant, clientId }: OAuthSettings): string {
  return JSON.stringify([`${url.origin}${url.pathname}`, grant, clientId ?? ""]);
}
