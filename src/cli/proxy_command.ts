import type { BalancingCommand } from "../config/named_upstreams.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { VERSION } from "../version.ts";
import type { CommandInput } from "./application.ts";
import {
  balancingInput,
  connectLogger,
  flushLog,
  giveUpUnused,
  requireSignIn,
  warnOfStore,
} from "./connect_input.ts";
import { idleOptions } from "./idle_options.ts";

/** `proxy`: bridges the MCP client on stdin and stdout to the endpoint until the client goes. */
export function proxyCommand(input: CommandInput): Promise<number> {
  return bridge("proxy", input);
}

/** `load-balance`: the same, over several upstreams. */
export function loadBalanceCommand(input: CommandInput): Promise<number> {
  return bridge("load-balance", input);
}

/** `auth-proxy`: `proxy` for servers that are signed in to. */
export function authProxyCommand(input: CommandInput): Promise<number> {
  return bridge("auth-proxy", input);
}

async function bridge(command: BalancingCommand, input: CommandInput): Promise<number> {
  const settings = await balancingInput(command, input);
  if (command === "auth-proxy") requireSignIn(settings);
  const logger = await connectLogger(settings);
  logger.debug(`mcp-connect ${VERSION}`, {
    endpoint: describeEndpoint(settings.endpoint),
    transport: settings.transport,
    headers: settings.headers.map(([name]) => name),
  });
  for (const { message, endpoints } of idleOptions(settings)) {
    logger.warn(message, ...(endpoints === undefined ? [] : [{ endpoints }]));
  }
  warnOfStore(input, settings, logger);
  giveUpUnused(command, input, settings, logger);
  const { runProxy } = await import("../bridge/run_proxy.ts");
  const code = await runProxy(
    settings,
    logger,
    () => input.process?.giveUp(["ffi"]),
    input.process?.headStart,
  );
  await flushLog(logger);
  return code;
}
