import type { OAuthSettings } from "./settings.ts";

/** The directory of accounts in the store. */
export const ACCOUNTS = "accounts";

/** What an account is kept under: the server, without what may be secret, and as whom. */
export function accountKey(url: URL, settings: OAuthSettings): string {
  const { grant, clientId, workloadTokenFile, identityProvider } = settings;
  // Two workloads, or two users, may share a home.
  const whose = workloadTokenFile ?? identityProvider?.idTokenFile;
  return JSON.stringify([
    `${url.origin}${url.pathname}`,
    grant,
    clientId ?? "",
    ...(whose === undefined ? [] : [whose]),
  ]);
}
