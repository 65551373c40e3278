import { processEnvironment } from "../config/environment.ts";
import { ConfigError } from "../config/config_error.ts";
import { parseWhole } from "../config/numbers.ts";
import { optionValues } from "../config/option_values.ts";
import { resolveLog } from "../config/resolve_settings.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import type { CommandInput } from "./application.ts";
import { ExitCode } from "./exit_codes.ts";
import { writeOut } from "./write_text.ts";

/** The levels in turn (MCP 2025-11-25, server/utilities/logging). */
const LEVELS = ["info", "warning", "error", "debug"] as const;

/** The line for the demo's notification number `number` of `count`, counted from 1. */
export function demoNotification(number: number, count: number): string {
  const level = LEVELS[(number - 1) % LEVELS.length]!;
  return JSON.stringify({
    jsonrpc: "2.0",
    method: "notifications/message",
    params: {
      level,
      logger: "mcp-connect",
      data: { message: `Demo ${level} message ${number} of ${count}`, number, count },
    },
  });
}

/**
 * `notification-demo`: writes log notifications to stdout, half a second apart, so that a client's handling
 * of them can be seen. Ends early, well, when stdout is closed or on SIGINT.
 */
export async function notificationDemoCommand(input: CommandInput): Promise<number> {
  if (input.bare.length > 0 || input.vector !== undefined) {
    throw new ConfigError("notification-demo takes no arguments, only options");
  }
  const values = optionValues("notification-demo", input.options, processEnvironment());
  resolveLog(values);
  const option = values.required("count");
  const count = parseWhole(option.value, option.where, 0, 1_000_000);

  input.process?.giveUp(unusedKinds({ command: "notification-demo", os: Deno.build.os }));
  const interrupted = Promise.withResolvers<void>();
  let stopped = false;
  const stop = () => {
    stopped = true;
    interrupted.resolve();
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    for (let number = 1; number <= count && !stopped; number++) {
      if (number > 1) await stayFor(500, interrupted.promise);
      if (stopped || !writeOut(`${demoNotification(number, count)}\n`)) break;
    }
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
  return ExitCode.Ok;
}

/** Waits `ms` milliseconds, or until `early` settles; the program does not end meanwhile, as it would with `pause`. */
async function stayFor(ms: number, early: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([late, early]);
  clearTimeout(timer);
}
