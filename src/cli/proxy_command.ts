import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import { VERSION } from "../version.ts";
import type { CommandInput } from "./application.ts";
import { connectInput, connectLogger, flushLog, requireSignIn } from "./connect_input.ts";

/** `proxy`: bridges the MCP client on stdin and stdout to the endpoint until the client goes. */
export function proxyCommand(input: CommandInput): Promise<number> {
  return bridge("proxy", input);
}

/** `auth-proxy`: the same, for servers that are signed in to. */
export function authProxyCommand(input: CommandInput): Promise<number> {
  return bridge("auth-proxy", input);
}

async function bridge(command: "proxy" | "auth-proxy", input: CommandInput): Promise<number> {
  const { settings } = connectInput(command, input);
  if (command === "auth-proxy") requireSignIn(settings);
  const logger = await connectLogger(settings);
  logger.debug(`mcp-connect ${VERSION}`, {
    endpoint: describeEndpoint(settings.endpoint),
    transport: settings.transport,
    headers: settings.headers.map(([name]) => name),
  });
  const kind = settings.endpoint.kind;
  if (kind !== "http" && settings.headers.length > 0) {
    logger.warn("headers and credentials go to HTTP endpoints only; this endpoint gets none");
  }
  if (settings.clientCertificate !== undefined && !usesTls(settings.endpoint)) {
    logger.warn("--client-cert is shown to https endpoints only; this endpoint gets none");
  }
  if (kind === "command" && settings.connectTimeoutMs !== undefined) {
    logger.warn("--connect-timeout has no effect on a command, which is started at once or not at all");
  }
  if (kind !== "command" && (settings.cwd !== undefined || Object.keys(settings.env).length > 0)) {
    logger.warn("--cwd and --env only affect commands; this endpoint is none");
  }
  const { runProxy } = await import("../bridge/run_proxy.ts");
  const code = await runProxy(settings, logger);
  await flushLog(logger);
  return code;
}

function usesTls(endpoint: Endpoint): boolean {
  return endpoint.kind === "http" && endpoint.url.protocol === "https:";
}
