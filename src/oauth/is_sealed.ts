import { readEntry } from "../store/read_entry.ts";
import { accountKey, ACCOUNTS } from "./account_key.ts";
import { readAccount } from "./read_account.ts";
import type { OAuthSettings } from "./settings.ts";

/**
 * Tells whether what is stored of a sign-in can only be opened with the system's keychain, whatever is asked for now. Never
 * prompts, and never rejects.
 *
 * @param url the MCP server's
 */
export async function isSealed(directory: string, url: URL, settings: OAuthSettings): Promise<boolean> {
  const place = { directory, kind: ACCOUNTS, key: accountKey(url, settings) };
  const found = await readEntry(place).then(readAccount, () => undefined);
  return found?.sealed !== undefined;
}
