import { processEnvironment } from "../config/environment.ts";
import type { ConnectSettings } from "../config/settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { CommandInput } from "./application.ts";

/**
 * Warns where Deno does not permit the store that the user has named. Of the platform's own place nothing is said: nobody has
 * asked for that.
 */
export function warnOfStore({ options }: CommandInput, { store }: ConnectSettings, logger: Logger): void {
  if (store === undefined) return;
  const variable = processEnvironment()("MCP_CONNECT_STORE");
  if (options.store === undefined && (variable.kind !== "set" || variable.value.trim() === "")) return;
  const missing = (["read", "write"] as const).filter((name) =>
    Deno.permissions.querySync({ name, path: store }).state !== "granted"
  );
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--allow-${name}=${store}`).join(" ");
  logger.warn("the store can't be used: nothing is kept when this program ends", {
    store,
    hint: `run Deno with ${flags}`,
  });
}
